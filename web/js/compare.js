// SPDX-License-Identifier: BSD-3-Clause
// The page of `perun compare`: what src/report/compare_html.cpp found, as cards, tables and drawings.
import { $, el, name } from "./dom.js";
import { startTheme } from "./theme.js";
import { intervalBar, ratioScale, runDots } from "./forest.js";

const regionsAtFirst = 20;
const tone = (row) => row.tone.replaceAll(" ", "-");

function card(row, confidence) {
  return el(
    "div",
    { class: "card" },
    el("h3", {}, row.title),
    el("p", { class: `value verdict ${tone(row)}` }, row.verdict),
    row.ratio ? el("p", { class: "aside" }, `ratio ${row.ratio}, ${confidence}: ${row.interval}`) : "",
    el("p", { class: "aside" }, `${row.base} to ${row.other}`),
  );
}

function line(row, scale) {
  const cells = [row.base, row.other, row.ratio ?? "", row.interval ?? ""].map((text) => el("td", { class: "number" }, text));
  return el(
    "tr",
    {},
    el("th", { scope: "row" }, row.title),
    ...cells,
    el("td", { class: "drawn" }, intervalBar(row, scale)),
    el("td", { class: `verdict ${tone(row)}` }, row.verdict),
  );
}

function tableOf(comparison, confidence) {
  const { letter, whole, regions } = comparison;
  const scale = ratioScale([whole, ...regions.map((region) => region.rows)].flat());
  const titles = ["", "A", letter, "Ratio", `${confidence} interval`, "Against 1", "Verdict"];
  const head = titles.map((title, i) =>
    title ? el("th", { scope: "col", class: i > 0 && i < 5 ? "number" : null }, title) : el("td", {}),
  );
  const group = (title, rows) =>
    el(
      "tbody",
      {},
      title ? el("tr", { class: "group" }, el("th", { scope: "rowgroup", colspan: titles.length }, "Region ", name(title))) : "",
      ...rows.map((row) => line(row, scale)),
    );
  const table = el(
    "table",
    { class: "compared" },
    el("caption", { class: "unseen" }, `${letter} compared with A`),
    el("thead", {}, el("tr", {}, ...head)),
    group(null, whole),
    ...regions.slice(0, regionsAtFirst).map((region) => group(region.name, region.rows)),
  );
  const rest = regions.slice(regionsAtFirst);
  const more =
    rest.length === 0
      ? ""
      : el(
          "button",
          {
            type: "button",
            class: "more",
            onclick: (event) => {
              table.append(...rest.map((region) => group(region.name, region.rows)));
              event.target.remove();
            },
          },
          `${rest.length} regions more`,
        );
  return [el("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": `Table of ${letter} and A` }, table), more];
}

function runsOf(comparison) {
  const all = comparison.runs.flat();
  if (all.length < 3) return [];
  const letters = ["A", comparison.letter];
  const key = letters.map((letter, i) => el("span", { class: `key side-${i}` }, letter));
  const ends = [comparison.lowest, comparison.highest].map((text) => el("span", {}, text));
  return [
    el("h3", {}, "Energy of every run"),
    el("p", { class: "keys" }, ...key),
    runDots(comparison.runs, letters),
    el("p", { class: "ends aside" }, ...ends),
  ];
}

function sectionOf(comparison, confidence, i) {
  const { letter, about, lines, whole } = comparison;
  const described = [["A", about[0]], [letter, about[1]], ...lines];
  return el(
    "section",
    { "aria-labelledby": `h-${i}` },
    el("h2", { id: `h-${i}` }, `${letter} compared with A`),
    el("div", { class: "cards" }, ...whole.map((row) => card(row, confidence))),
    ...tableOf(comparison, confidence),
    ...runsOf(comparison),
    el("dl", {}, ...described.flatMap(([term, text]) => [el("dt", {}, term), el("dd", {}, name(text))])),
  );
}

function start() {
  const meta = JSON.parse($("meta").textContent);
  startTheme();
  $("title").replaceChildren(name(meta.title));
  $("comparisons").replaceChildren(...meta.comparisons.map((one, i) => sectionOf(one, meta.confidence, i)));
  $("page").hidden = false;
  document.documentElement.dataset.ready = "yes";
}

try {
  start();
} catch (error) {
  $("page").hidden = false;
  $("trouble").hidden = false;
  $("trouble").textContent = `This comparison cannot be shown: ${error.message}`;
  console.error(error);
}
