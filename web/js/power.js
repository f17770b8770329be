// SPDX-License-Identifier: BSD-3-Clause
// Power over time. What is drawn is the mean power of each pixel's stretch of time, so its area is the energy whatever the
// zoom; the energies themselves come from the readings (energy.js).
import { choice, el, folded, name } from "./dom.js";
import { hatch, onTheme } from "./theme.js";
import { foldGroups, groupings, groupsOf, meansOf } from "./groups.js";
import { moment, si, tagOf, watts } from "./format.js";
import { edgesOf, logScale, timeOptions, wheelZoom } from "./time.js";
import { drawRegion, drawStrip, stripHeight } from "./strip.js";
import { plainTable } from "./table.js";
import { spanPanel } from "./span.js";

export class PowerChart {
  #plot = null;
  #hidden = new Set();
  #mode = "stacked";
  #log = false;
  #region = null;
  #device = null;

  constructor(run, tracks, calls, view) {
    Object.assign(this, { run, tracks, calls, view });
    const ways = groupings(run, tracks);
    this.by = (ways.find(([way]) => way === view.choices.get("by")) ?? ways[0])[0];
    this.#mode = view.choices.get("chart") === null ? "stacked" : "lines";
    this.#log = view.choices.get("chart") === "log";
    this.host = el("div", {
      class: "plot",
      tabindex: "0",
      role: "group",
      "aria-label": "Power over time. Plus and minus zoom, arrows move, shift and arrows select, 0 resets, L changes the scale.",
      onkeydown: (event) => this.#key(event),
    });
    this.legend = el("div", { class: "keys", role: "group", "aria-label": "Shown in the chart" });
    this.readout = el("p", { class: "readout", "aria-hidden": "true" });
    this.span = spanPanel(run, view.length, (from, to) => view.select(from === null ? null : { from, to }));
    this.kind = choice(
      "Kind of chart",
      [
        ["stacked", "Stacked"],
        ["lines", "Lines"],
      ],
      this.#mode,
      (mode) => this.#draw(mode, this.#log && mode === "lines"),
    );
    this.logarithmic = el(
      "button",
      { type: "button", id: "log", "aria-pressed": String(this.#log), onclick: () => this.#scale(!this.#log) },
      "Log scale",
    );
    const bar = el(
      "div",
      { class: "tools" },
      this.kind,
      this.logarithmic,
      ways.length > 1
        ? choice("By", ways, this.by, (by) => {
            this.by = by;
            view.choices.set("by", by === ways[0][0] ? null : by);
            this.#hidden.clear();
            this.#make();
          })
        : null,
      el("button", { type: "button", id: "reset", onclick: () => view.zoom(0, view.length) }, "Whole run"),
      el("button", { type: "button", id: "csv", onclick: () => this.#save() }, "CSV of this view"),
    );
    this.element = el(
      "div",
      {},
      bar,
      this.legend,
      this.host,
      this.readout,
      this.span.panel,
      folded("The chart as a table", () => this.#table()),
      this.#note(),
    );
    onTheme(() => this.#make());
  }

  start() {
    this.#make();
  }
  resize() {
    this.#make();
  }
  /** Highlights a region's calls or a device's line; null for none. */
  showRegion(key) {
    this.#region = key;
    this.#plot?.redraw(false);
  }
  showDevice(key) {
    this.#device = key;
    if (key !== null && this.#mode === "stacked") this.kind.lastElementChild.click();
    else this.#make();
  }
  #draw(mode, log) {
    this.#mode = mode;
    this.#log = log;
    this.logarithmic.setAttribute("aria-pressed", String(log));
    this.view.choices.set("chart", log ? "log" : mode === "lines" ? mode : null);
    this.#make();
  }
  /** Heights of stacked areas mean nothing on a scale without zero, so there it is lines. */
  #scale(log) {
    this.#log = log;
    if (log && this.#mode === "stacked") this.kind.lastElementChild.click();
    else this.#draw(this.#mode, log);
  }

  #note() {
    const { thinned, readings } = this.run.timeline;
    return thinned
      ? el(
          "p",
          { class: "aside" },
          `Of ${readings} readings not each is in this page: means, lowest and highest of several are (--html-max-samples). Energies are exact at the times that are left.`,
        )
      : null;
  }

  #groups() {
    const lines = this.#mode === "lines";
    let all = groupsOf(this.run, this.tracks, this.by);
    if (lines && this.#device !== null) {
      const [node] = this.#device.split("/");
      all = groupsOf(this.run, this.tracks, "device").filter(
        (group) => group.key === this.#device || (this.#device === node && String(group.tracks[0].node) === node),
      );
      return all.length > 0 ? all : foldGroups(groupsOf(this.run, this.tracks, this.by));
    }
    return foldGroups(all);
  }

  #make() {
    if (!this.host.isConnected) return;
    this.groups = this.#groups();
    this.#plot?.destroy();
    const width = Math.max(280, this.host.clientWidth);
    const height = Math.round(Math.min(Math.max(260, innerHeight * 0.42), 620));
    const options = timeOptions(this.view, width, height, (w) => si(w, "W", 3));
    options.padding[0] = this.calls.empty ? 12 : stripHeight + 10;
    options.series = [{}, ...this.#series()];
    if (this.#log) logScale(options);
    if (this.#mode === "lines")
      options.bands = this.groups.map((group, i) => ({ series: [3 * i + 3, 3 * i + 2], fill: () => `${group.colour()}33` }));
    options.hooks = {
      drawClear: [(u) => drawRegion(u, this.calls, this.view, this.#region)],
      draw: [(u) => drawStrip(u, this.calls, this.view)],
      setCursor: [(u) => this.#tell(u)],
      setSelect: [(u) => this.#selected(u)],
    };
    this.#plot = new uPlot(options, this.#data(), this.host);
    wheelZoom(this.#plot, this.view);
    this.#legend();
    this.#place();
    this.span.tell(this.view.span, this.groups);
  }

  #series() {
    const fill = (group) => (u) => (group.kind === "measured" ? group.colour() : hatch(u.ctx, group.colour()));
    if (this.#mode === "stacked")
      return [...this.groups]
        .reverse()
        .map((group) => ({ stroke: () => group.colour(), width: 1, fill: fill(group), points: { show: false } }));
    return this.groups.flatMap((group) => [
      {
        stroke: () => group.colour(),
        width: 1.5,
        dash: group.kind === "measured" ? undefined : [6, 4],
        points: { show: false },
      },
      { stroke: "transparent", points: { show: false } },
      { stroke: "transparent", points: { show: false } },
    ]);
  }

  /** Rows for uPlot: times in the middle of each pixel's stretch, then one row for each series. */
  #data() {
    const { from, to } = this.view;
    this.edges = edgesOf(from, to, Math.max(50, Math.round((this.host.clientWidth || 800) - 100)));
    const times = Array.from(this.edges.slice(0, -1), (t, i) => (t + this.edges[i + 1]) / 2);
    this.means = this.groups.map((group) => meansOf(group, this.edges));
    const nothing = () => new Array(times.length).fill(null);
    const shown = (group) => !this.#hidden.has(group.key);
    if (this.#mode === "lines")
      return [
        times,
        ...this.groups.flatMap((group, g) => {
          if (!shown(group)) return [nothing(), nothing(), nothing()];
          const row = Array.from(this.means[g], (w) => (Number.isNaN(w) ? null : w));
          if (group.tracks.length !== 1) return [row, nothing(), nothing()];
          const { least, most } = group.tracks[0].ranges(this.edges);
          const orMean = (value, i) => (row[i] === null ? null : Number.isNaN(value) ? row[i] : value);
          return [row, Array.from(least, orMean), Array.from(most, orMean)];
        }),
      ];
    const sum = new Float64Array(times.length),
      seen = new Uint8Array(times.length);
    const rows = this.groups.map((group, g) => {
      if (shown(group))
        for (let i = 0; i < sum.length; ++i)
          if (!Number.isNaN(this.means[g][i])) {
            sum[i] += this.means[g][i];
            seen[i] = 1;
          }
      return shown(group) ? Array.from(sum, (w, i) => (seen[i] ? w : null)) : nothing();
    });
    return [times, ...rows.reverse()];
  }

  refresh() {
    if (!this.#plot) return;
    this.#plot.setData(this.#data());
    this.#place();
  }

  /** Puts the frame of the selection where it belongs in this view. */
  #place() {
    const { span, from, to } = this.view,
      width = this.#plot.over.clientWidth;
    const x = (t) => Math.min(Math.max((t - from) / (to - from), 0), 1) * width;
    const left = span ? x(span.from) : 0;
    this.#plot.setSelect({ left, width: span ? x(span.to) - left : 0, top: 0, height: this.#plot.over.clientHeight }, false);
  }
  #selected(u) {
    const { left, width } = u.select;
    if (width < 2) return this.view.select(null);
    this.view.select({
      from: Math.max(0, u.posToVal(left, "x")),
      to: Math.min(this.view.length, u.posToVal(left + width, "x")),
    });
  }
  spanChanged() {
    if (!this.#plot) return;
    this.#place();
    this.span.tell(this.view.span, this.groups);
  }

  #legend() {
    this.legend.replaceChildren(
      ...this.groups.map((group) => {
        const swatch = el("span", {
          class: `key series-${this.groups.indexOf(group) % 7}${group.kind === "measured" ? "" : " hatched"}`,
          "aria-hidden": "true",
        });
        return el(
          "button",
          {
            type: "button",
            "aria-pressed": String(!this.#hidden.has(group.key)),
            onclick: (event) => {
              if (!this.#hidden.delete(group.key)) this.#hidden.add(group.key);
              event.currentTarget.setAttribute("aria-pressed", String(!this.#hidden.has(group.key)));
              this.refresh();
            },
          },
          swatch,
          name(group.label),
          tagOf(group.kind),
        );
      }),
    );
  }

  #tell(u) {
    const { idx } = u.cursor;
    if (idx === null || idx === undefined || u.cursor.left < 0) {
      this.readout.textContent = "\u00a0";
      return;
    }
    const powers = this.groups.map((group, i) => [group.label, this.means[i][idx]]).filter(([, w]) => !Number.isNaN(w));
    const t = (this.edges[idx] + this.edges[idx + 1]) / 2;
    const total = powers.reduce((sum, [, w]) => sum + w, 0);
    const call = this.calls.empty ? -1 : this.calls.at(0, t);
    this.readout.replaceChildren(
      `${moment(t, (this.view.to - this.view.from) / 1000)}: ${powers.length === 0 ? "nothing was read" : watts(total)}`,
      ...(powers.length > 1 ? powers.flatMap(([label, w]) => [" · ", name(label), ` ${watts(w, 3)}`]) : []),
      ...(call >= 0 ? [" · in ", name(this.calls.names[this.calls.name[call]])] : []),
    );
  }

  #key(event) {
    const { from, to, span, length } = this.view,
      size = to - from,
      step = size / 20;
    const moves = { ArrowLeft: -step, ArrowRight: step };
    if (event.key in moves && event.shiftKey) {
      const start = span ?? { from: from + size / 2, to: from + size / 2 };
      const end = Math.min(Math.max(start.to + moves[event.key], 0), length);
      this.view.select({ from: Math.min(start.from, end), to: Math.max(start.from, end) });
    } else if (event.key in moves) this.view.zoom(from + moves[event.key], to + moves[event.key]);
    else if (event.key === "+" || event.key === "=") this.view.zoom(from + size * 0.1, to - size * 0.1);
    else if (event.key === "-") this.view.zoom(from - size * 0.125, to + size * 0.125);
    else if (event.key === "0") this.view.zoom(0, length);
    else if (event.key.toLowerCase() === "l" && !event.ctrlKey && !event.metaKey && !event.altKey) this.#scale(!this.#log);
    else if (event.key === "Escape") this.view.select(null);
    else return;
    event.preventDefault();
  }

  #rows(count) {
    const edges = edgesOf(this.view.from, this.view.to, count);
    const means = this.groups.map((group) => meansOf(group, edges));
    return Array.from({ length: count }, (_, i) => [edges[i], edges[i + 1], ...means.map((row) => row[i])]);
  }
  #table() {
    const step = (this.view.to - this.view.from) / 40;
    return plainTable(
      "Mean power",
      ["From", "To", ...this.groups.map((group) => group.label + tagOf(group.kind))],
      this.#rows(40).map(([from, to, ...powers]) => [
        moment(from, step),
        moment(to, step),
        ...powers.map((w) => (Number.isNaN(w) ? "" : watts(w))),
      ]),
    );
  }
  #save() {
    const cell = (text) =>
      `"${String(text)
        .replaceAll('"', '""')
        .replace(/^[=+\-@\t\r]/, "'$&")}"`;
    const lines = this.#rows(1000).map((row) => row.map((value) => (Number.isNaN(value) ? "" : value)).join(","));
    const text = [
      ["from_s", "to_s", ...this.groups.map((group) => cell(`${group.label}${tagOf(group.kind)} W`))].join(","),
      ...lines,
    ].join("\n");
    const link = el("a", {
      href: URL.createObjectURL(new Blob([`${text}\n`], { type: "text/csv" })),
      download: `${this.run.app.replace(/[^\w.-]/g, "_")}-power.csv`,
    });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }
}
