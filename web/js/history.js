// SPDX-License-Identifier: BSD-3-Clause
// All runs of the application: the energy of each, this one marked.
import { el, name, show } from "./dom.js";
import { joules } from "./format.js";
import { table } from "./table.js";

const ns = "http://www.w3.org/2000/svg";

function svg(tag, attributes) {
  const element = document.createElementNS(ns, tag);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

const energyOf = (row) => row.cells[3][1] ?? null;

export function quantile(sorted, q) {
  const at = (sorted.length - 1) * q,
    low = Math.floor(at);
  return sorted[low] + (at - low) * ((sorted[low + 1] ?? sorted[low]) - sorted[low]);
}

/** Columns from zero, with the quartiles of all of them as a band. */
function columns(rows, current) {
  const known = rows.map(energyOf),
    sorted = known.filter((value) => value !== null).sort((a, b) => a - b);
  const most = sorted[sorted.length - 1],
    width = 1000,
    height = 160;
  const y = (value) => height - (most > 0 ? (value / most) * (height - 12) : 0);
  const chart = svg("svg", {
    viewBox: `0 0 ${width} ${height}`,
    preserveAspectRatio: "none",
    role: "img",
    class: "past",
    "aria-label": `Energy of ${rows.length} runs; the table below has the same`,
  });
  const [low, middle, high] = [0.25, 0.5, 0.75].map((q) => quantile(sorted, q));
  chart.append(svg("rect", { x: 0, y: y(high), width, height: Math.max(1, y(low) - y(high)), class: "quartiles" }));
  const each = width / rows.length,
    bar = Math.min(each * 0.8, 90);
  rows.forEach((row, i) => {
    const value = known[i];
    if (value === null) return;
    const column = svg("rect", {
      x: (i + 0.5) * each - bar / 2,
      y: y(value),
      width: bar,
      height: Math.max(0.5, height - y(value)),
      class: `${row.key === current ? "current" : "other"}${row.kind === "measured" ? "" : " guessed"}`,
    });
    const title = svg("title", {});
    title.textContent = `Run ${row.key}: ${row.cells[3][0]}${row.tag}`;
    column.append(title);
    chart.append(column);
  });
  chart.append(svg("line", { x1: 0, x2: width, y1: y(middle), y2: y(middle), class: "median" }));
  return [
    chart,
    el(
      "p",
      { class: "aside" },
      `Median ${joules(middle)}, middle half ${joules(low)} to ${joules(high)}; this run is the filled one.`,
    ),
  ];
}

export function showHistory(meta, run, kept) {
  const data = meta.history;
  if (!data || data.rows.length < 2) return show("history", "past", null);
  const current = String(run.number);
  const recent = data.rows.slice(-200);
  const chart = recent.filter((row) => energyOf(row) !== null).length > 1 ? columns(recent, current) : [];
  show("history", "past", [
    ...chart,
    table("Runs of this application", data, { current, kept }),
    meta.total ? el("p", {}, "All runs: ", name(meta.total)) : "",
  ]);
}
