// SPDX-License-Identifier: BSD-3-Clause
// Puts the page together for one of the runs in it.
import { $, el, show } from "./dom.js";
import { readBytes, readMeta } from "./data.js";
import { Track } from "./energy.js";
import { Choices } from "./choices.js";
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
  constructor(length, choices) {
    const zoom = choices.pair("zoom"),
      span = choices.pair("span");
    Object.assign(this, { length, choices, from: 0, to: length, span: null, charts: [] });
    if (zoom) this.#see(zoom.from, zoom.to);
    if (span && span.from < length) this.span = { from: span.from, to: Math.min(span.to, length) };
  }
  get whole() {
    return this.to - this.from >= this.length;
  }
  zoom(from, to) {
    this.#see(from, to);
    this.choices.setPair("zoom", this.whole ? null : this);
    this.#later();
  }
  #see(from, to) {
    const size = Math.min(Math.max(to - from, this.length * 1e-6, 1e-5), this.length);
    this.from = Math.min(Math.max(from, 0), this.length - size);
    this.to = this.from + size;
  }
  select(span) {
    this.span = span;
    this.choices.setPair("span", span);
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

function showTables(run, charts, choices) {
  const regionChosen = (key) => {
    for (const chart of charts) chart.showRegion?.(key);
  };
  const deviceChosen = (key) => {
    for (const chart of charts) chart.showDevice?.(key);
  };
  const put = (section, caption, data, key, choose) =>
    show(section, `${section}-table`, data ? table(caption, data, { choose, kept: keptFor(choices, section, choose && key) }) : null);
  put("regions", "Regions", run.regions_table, "region", regionChosen);
  put("devices", "Devices", run.devices_table, "device", run.timeline.power.length > 0 ? deviceChosen : null);
  put("nodes", "Nodes", run.nodes_table, "device", run.timeline.power.length > 0 ? deviceChosen : null);
  put("ranks", "Ranks", run.ranks_table, null, null);
}

/** The choices of a table by themselves; `key` is that of the chosen row. */
const keptFor = (choices, section, key) => ({
  sort: choices.get(`sort-${section}`),
  chosen: key ? choices.get(key) : null,
  sorted: (how) => choices.set(`sort-${section}`, how),
  choose: (row) => choices.set(key, row),
});

let resized = () => {};

function showRun(meta, bytes, run, choices) {
  showHead(meta, run);
  showBar(run);
  const view = new View(run.timeline.length_us / 1e6, choices);
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
  showTables(run, view.charts, choices);
  showHistory(meta, run, keptFor(choices, "history", null));
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

/** The place of the run that was chosen by its number, else of the last one. */
function chosenRun(meta, choices) {
  const found = meta.runs.findIndex((run) => String(run.number) === choices.get("run"));
  return found < 0 ? meta.runs.length - 1 : found;
}

async function start() {
  const meta = readMeta();
  const bytes = await readBytes();
  startTheme();
  if (meta.runs.length === 0) throw new Error("it holds no run");
  const choices = new Choices(() => again());
  const again = () => {
    const shown = chosenRun(meta, choices);
    $("run").value = String(shown);
    showRun(meta, bytes, meta.runs[shown], choices);
  };
  $("chooser").hidden = meta.runs.length < 2;
  $("run").append(
    ...meta.runs.map((run, i) => el("option", { value: i }, run.heading || `run ${run.number}`)),
  );
  $("heading").hidden = meta.runs.length > 1;
  $("run").addEventListener("change", () => {
    const shown = Number($("run").value);
    choices.forget();
    choices.set("run", shown === meta.runs.length - 1 ? null : meta.runs[shown].number);
    again();
  });
  again();
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
