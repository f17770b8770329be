// SPDX-License-Identifier: BSD-3-Clause
// CO2e and cost of a stretch of time, each joule by the factor of its time, as src/analysis/fold.cpp has those of the run.

/** What held between two moments of a node's clock: [[from, to, value]], `mean` where nothing is known. */
function pieces(steps, mean, from, to, ahead) {
  if (steps.length === 0) return [[from, to, mean]];
  const out = [];
  for (let i = -1; i < steps.length; ++i) {
    const begin = i < 0 ? from : Math.max(from, steps[i][0] - ahead),
      end = i + 1 < steps.length ? Math.min(to, steps[i + 1][0] - ahead) : to;
    if (end > begin) out.push([begin, end, (i < 0 ? null : steps[i][1]) ?? mean]);
  }
  return out;
}

/** The sum of energy x factor of the counted `tracks` and of `overhead` watts of each node, and that energy. */
function weighted(run, tracks, overhead, from, to, mean, steps) {
  let sum = 0,
    joules = 0;
  run.hosts.forEach((_, node) => {
    const own = tracks.filter((track) => track.node === node);
    for (const [begin, end, value] of pieces(steps, mean, from, to, run.timeline.wall_s[node] ?? 0)) {
      const used = own.reduce((all, track) => all + track.between(begin, end), overhead * (end - begin));
      joules += Math.max(used, 0);
      sum += Math.max(used, 0) * value;
    }
  });
  return { sum, joules };
}

/** Watts of each node that are assumed for parts without a sensor: they belong to all of its devices, not to one. */
export function assumed(run, tracks) {
  const counted = run.timeline.power.filter(({ node, id }) => run.devices[`${node}/${id}`]?.counted);
  return tracks.length === counted.length ? run.factors.overhead_W : 0;
}

/**
 * {kg, cent, kg_per_kWh, ct_per_kWh, joules} of what the counted `tracks` used from `from` to `to`: the joules with what is
 * assumed, the factors as their means over them.
 */
export function footprint(run, tracks, from, to) {
  const overhead = assumed(run, tracks);
  const { pue, kg_per_kWh, kg_per_kWh_over_time, ct_per_kWh, ct_per_kWh_over_time } = run.factors;
  const co2e = weighted(run, tracks, overhead, from, to, kg_per_kWh, kg_per_kWh_over_time),
    cost = weighted(run, tracks, overhead, from, to, ct_per_kWh, ct_per_kWh_over_time);
  const mean = ({ sum, joules }, factor) => (joules > 0 ? sum / joules : factor);
  return {
    kg: (co2e.sum / 3.6e6) * pue,
    cent: (cost.sum / 3.6e6) * pue,
    kg_per_kWh: mean(co2e, kg_per_kWh),
    ct_per_kWh: mean(cost, ct_per_kWh),
    joules: co2e.joules,
  };
}
