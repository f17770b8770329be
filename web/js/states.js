// SPDX-License-Identifier: BSD-3-Clause
// Small charts of what else was read, on the same time as the power.
import { el, folded, name } from "./dom.js";
import { column } from "./data.js";
import { before } from "./energy.js";
import { onTheme, seriesColour } from "./theme.js";
import { moment, percent, si } from "./format.js";
import { edgesOf, timeOptions, wheelZoom } from "./time.js";
import { plainTable } from "./table.js";

const kinds = [
  ["utilization", false, "Utilisation", percent],
  ["utilization", true, "Utilisation", percent],
  ["temperature", false, "Temperature", (c) => `${c.toFixed(0)} °C`],
  ["frequency", false, "Clock", (hz) => si(hz, "Hz", 3)],
  ["bytes", false, "Memory used", (b) => si(b, "B", 3)],
  ["bytes", true, "Traffic", (b) => si(b, "B/s", 3)],
];
const mostLines = 16;

/** The value of a track for each stretch between two `edges`; NaN before its first and behind its last reading. */
function valuesOf(track, edges) {
  const out = new Float64Array(edges.length - 1).fill(NaN);
  for (let k = 0; k < out.length; ++k) {
    const middle = (edges[k] + edges[k + 1]) / 2;
    const i = before(track.t, middle);
    if (track.rate) {
      // Means of what lies in the stretch, each by its length.
      if (edges[k + 1] <= track.t[0] || edges[k] >= track.t[track.t.length - 1]) continue;
      let sum = 0,
        time = 0;
      for (let j = Math.max(0, before(track.t, edges[k])); j + 1 < track.t.length && track.t[j] < edges[k + 1]; ++j) {
        const length = Math.min(edges[k + 1], track.t[j + 1]) - Math.max(edges[k], track.t[j]);
        sum += track.v[j + 1] * length;
        time += length;
      }
      out[k] = time > 0 ? sum / time : NaN;
    } else if (i >= 0 && i + 1 < track.t.length) {
      const part = (middle - track.t[i]) / (track.t[i + 1] - track.t[i]);
      out[k] = track.v[i] + part * (track.v[i + 1] - track.v[i]);
    }
  }
  return out;
}

class SmallChart {
  #plot = null;
  constructor(title, print, tracks, view) {
    Object.assign(this, { title, print, tracks: tracks.slice(0, mostLines), view });
    this.host = el("div", { class: "plot" });
    this.readout = el("p", { class: "readout", "aria-hidden": "true" });
    const keys =
      this.tracks.length > 1
        ? el(
            "p",
            { class: "small-keys" },
            ...this.tracks.flatMap((track, i) => [
              el(
                "span",
                { class: "one" },
                el("span", { class: `key series-${i % 7}`, "aria-hidden": "true" }),
                name(track.label),
              ),
              " ",
            ]),
          )
        : null;
    const left = tracks.length - this.tracks.length;
    this.element = el(
      "figure",
      {},
      el("figcaption", {}, `${title}${this.tracks.length === 1 ? `: ${this.tracks[0].label}` : ""}`),
      this.host,
      keys,
      this.readout,
      left > 0 ? el("p", { class: "aside" }, `${left} more are not drawn`) : null,
      folded(`${title} as a table`, () => this.#table()),
    );
    onTheme(() => this.make());
  }
  make() {
    if (!this.host.isConnected) return;
    this.#plot?.destroy();
    const options = timeOptions(this.view, Math.max(240, this.host.clientWidth), 170, this.print);
    options.cursor.drag = { x: false, y: false };
    options.series = [
      {},
      ...this.tracks.map((_, i) => ({ stroke: () => seriesColour(i), width: 1.5, points: { show: false } })),
    ];
    options.hooks = { setCursor: [(u) => this.#tell(u)] };
    this.#plot = new uPlot(options, this.#data(), this.host);
    wheelZoom(this.#plot, this.view);
  }
  refresh() {
    this.#plot?.setData(this.#data());
  }
  #data() {
    const edges = edgesOf(this.view.from, this.view.to, Math.max(50, (this.host.clientWidth || 300) - 86));
    const times = Array.from(edges.slice(0, -1), (t, i) => (t + edges[i + 1]) / 2);
    this.rows = this.tracks.map((track) => Array.from(valuesOf(track, edges), (v) => (Number.isNaN(v) ? null : v)));
    return [times, ...this.rows];
  }
  #tell(u) {
    const { idx } = u.cursor;
    const values =
      u.cursor.left < 0 || idx === null || idx === undefined
        ? []
        : this.rows.map((row, i) => [this.tracks[i].label, row[idx]]).filter(([, v]) => v !== null && v !== undefined);
    this.readout.replaceChildren(
      values.length === 0 ? "\u00a0" : "",
      ...values.slice(0, 4).flatMap(([label, v], i) => [i > 0 ? " · " : "", name(label), ` ${this.print(v)}`]),
    );
  }
  #table() {
    const count = 20,
      edges = edgesOf(this.view.from, this.view.to, count),
      step = (this.view.to - this.view.from) / count;
    const rows = this.tracks.map((track) => valuesOf(track, edges));
    return plainTable(
      this.title,
      ["From", ...this.tracks.map((track) => track.label)],
      Array.from({ length: count }, (_, i) => [
        moment(edges[i], step),
        ...rows.map((row) => (Number.isNaN(row[i]) ? "" : this.print(row[i]))),
      ]),
    );
  }
}

/** One chart for each kind of reading there is. */
export function smallCharts(run, bytes, view) {
  const all = run.timeline.states.map((meta) => ({
    ...meta,
    t: column(bytes, meta.t, 1e-6),
    v: column(bytes, meta.v, meta.unit),
    label: run.hosts.length > 1 ? `${run.hosts[meta.node]} ${meta.label}` : meta.label,
  }));
  const charts = new Map();
  for (const [quantity, rate, title, print] of kinds) {
    const tracks = all.filter((track) => track.quantity === quantity && track.rate === rate);
    if (tracks.length === 0) continue;
    charts.set(title, { print, tracks: [...(charts.get(title)?.tracks ?? []), ...tracks] });
  }
  return [...charts].map(([title, { print, tracks }]) => new SmallChart(title, print, tracks, view));
}
