// SPDX-License-Identifier: BSD-3-Clause
// Puts the page together for one of the runs in it.
import { $, el, show } from "./dom.js";
import { readBytes, readMeta } from "./data.js";
import { Track } from "./energy.js";
import { startTheme } from "./theme.js";
import { table } from "./table.js";
import { showBar } from "./bar.js";
import { Calls } from "./marks.js";
import { PowerChart } from "./power.js";
import { smallCharts } from "./states.js";
import { Gantt } from "./gantt.js";
import { showHistory } from "./history.js";
import { showHead, showRest } from "./sections.js";

/** What all charts of a run look at. */
class View {
  constructor(length) {
    Object.assign(this, { length, from: 0, to: length, span: null, charts: [] });
  }
  zoom(from, to) {
    const size = Math.min(Math.max(to - from, this.length * 1e-6, 1e-5), this.length);
    this.from = Math.min(Math.max(from, 0), this.length - size);
    this.to = this.from + size;
    this.#later();
  }
  select(span) {
    this.span = span;
    for (const chart of this.charts) chart.spanChanged?.();
  }
  #later() {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = null;
      for (const chart of this.charts) chart.refresh();
    });
  }
}

function showTables(run, charts) {
  const regionChosen = (key) => {
    for (const chart of charts) chart.showRegion?.(key);
  };
  const deviceChosen = (key) => {
    for (const chart of charts) chart.showDevice?.(key);
  };
  const put = (section, caption, data, choose) =>
    show(section, `${section}-table`, data ? table(caption, data, choose ? { choose } : {}) : null);
  put("regions", "Regions", run.regions_table, regionChosen);
  put("devices", "Devices", run.devices_table, run.timeline.power.length > 0 ? deviceChosen : null);
  put("nodes", "Nodes", run.nodes_table, run.timeline.power.length > 0 ? deviceChosen : null);
  put("ranks", "Ranks", run.ranks_table);
}

let resized = () => {};

function showRun(meta, bytes, run) {
  showHead(meta, run);
  showBar(run);
  const view = new View(run.timeline.length_us / 1e6);
  const tracks = run.timeline.power.map((track) => new Track(track, bytes));
  const calls = new Calls(run, bytes);
  const drawable = view.length > 0 && tracks.length > 0;
  const power = drawable ? new PowerChart(run, tracks, calls, view) : null;
  show(
    "power",
    "chart",
    power
      ? power.element
      : el(
          "p",
          {},
          run.timeline.length_us > 0 ? "No power was read often enough to draw it." : "There are no readings to draw.",
        ),
  );
  const gantt = view.length > 0 && !calls.empty ? new Gantt(run, tracks, calls, view) : null;
  show("lanes", "gantt", gantt?.element);
  const small = view.length > 0 ? smallCharts(run, bytes, view) : [];
  show("states", "small", small.map((chart) => chart.element).length > 0 ? small.map((chart) => chart.element) : null);
  view.charts = [power, gantt, ...small].filter(Boolean);
  showTables(run, view.charts);
  showHistory(meta, run);
  showRest(meta, run);
  $("page").hidden = false;
  const make = () => {
    power?.start();
    gantt?.draw();
    for (const chart of small) chart.make();
  };
  make();
  resized = make;
}

async function start() {
  const meta = readMeta();
  const bytes = await readBytes();
  startTheme();
  let shown = meta.runs.length - 1;
  if (meta.runs.length === 0) throw new Error("it holds no run");
  $("chooser").hidden = meta.runs.length < 2;
  $("run").append(
    ...meta.runs.map((run, i) => el("option", { value: i, selected: i === shown }, run.heading || `run ${run.number}`)),
  );
  $("heading").hidden = meta.runs.length > 1;
  $("run").addEventListener("change", () => {
    shown = Number($("run").value);
    showRun(meta, bytes, meta.runs[shown]);
  });
  showRun(meta, bytes, meta.runs[shown]);
  let width = innerWidth,
    waiting = null;
  addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      if (innerWidth !== width) {
        width = innerWidth;
        resized();
      }
    }, 100);
  });
  document.documentElement.dataset.ready = "yes";
}

start().catch((error) => {
  $("page").hidden = false;
  $("trouble").hidden = false;
  $("trouble").textContent =
    typeof DecompressionStream === "undefined"
      ? "This browser is too old for the charts (it has no DecompressionStream)."
      : `This report cannot be shown: ${error.message}`;
  console.error(error);
});
