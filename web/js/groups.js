// SPDX-License-Identifier: BSD-3-Clause
// Which meters stand together in the charts: one by one, by part of the machine, or by node.
import { seriesColour } from "./theme.js";

const deviceOf = (run, track) => run.devices[`${track.node}/${track.id}`];

/** The ways to group that tell anything for this run: [[value, text]]. */
export function groupings(run, tracks) {
  const counted = tracks.filter((track) => deviceOf(run, track)?.counted);
  const count = (of) => new Set(counted.map(of)).size;
  const out = [];
  if (count((track) => track.node) > 1) out.push(["node", "Nodes"]);
  if (count((track) => deviceOf(run, track).part) > 1) out.push(["part", "Parts"]);
  out.push(["device", "Devices"]);
  return out;
}

/** [{label, tracks, colour(), kind, counted, key}], the greatest energy first; counted ones make up the total. */
export function groupsOf(run, tracks, by) {
  const groups = new Map();
  const several = run.hosts.length > 1;
  for (const track of tracks) {
    const device = deviceOf(run, track);
    if (!device || (!device.counted && by !== "device")) continue;
    const label =
      by === "node"
        ? run.hosts[track.node]
        : by === "part"
          ? device.part
          : several
            ? `${run.hosts[track.node]} ${device.label}`
            : device.label;
    const key = by === "device" ? `${track.node}/${track.id}` : label;
    if (!groups.has(key)) groups.set(key, { key, label, tracks: [], kinds: new Set(), counted: device.counted });
    groups.get(key).tracks.push(track);
    groups.get(key).kinds.add(device.kind);
  }
  const joules = (group) => group.tracks.reduce((sum, track) => sum + track.between(track.t[0], track.end), 0);
  const out = [...groups.values()].map((group) => ({ ...group, total: joules(group) }));
  out.sort((a, b) => Number(b.counted) - Number(a.counted) || b.total - a.total);
  out.forEach((group, i) => {
    group.kind = group.kinds.size > 1 ? "mixed" : [...group.kinds][0];
    group.colour = () => seriesColour(i);
  });
  return out;
}

/** Many groups cannot be told apart: the smallest ones stand together. */
export function foldGroups(groups, most = 7) {
  const counted = groups.filter((group) => group.counted);
  if (counted.length <= most) return counted;
  const rest = counted.slice(most - 1);
  return [
    ...counted.slice(0, most - 1),
    {
      key: "\0rest",
      label: `${rest.length} others`,
      tracks: rest.flatMap((group) => group.tracks),
      kind: rest.some((group) => group.kind !== rest[0].kind) ? "mixed" : rest[0].kind,
      counted: true,
      colour: () => seriesColour(most - 1),
    },
  ];
}

/** Mean power of a group between each two of `edges`; NaN where none of its meters was read. */
export function meansOf(group, edges) {
  const sum = new Float64Array(edges.length - 1).fill(NaN);
  for (const track of group.tracks) {
    const means = track.means(edges);
    for (let i = 0; i < sum.length; ++i) if (!Number.isNaN(means[i])) sum[i] = (Number.isNaN(sum[i]) ? 0 : sum[i]) + means[i];
  }
  return sum;
}
