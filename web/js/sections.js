// SPDX-License-Identifier: BSD-3-Clause
// Everything that is text: the head, the cards, quality, formulas, environment.
import { $, el, name, show } from "./dom.js";

function card({ label, value, error, kind, tag, lines }) {
  return el(
    "div",
    { class: `card${kind === "measured" || kind === "unavailable" ? "" : " estimated"}` },
    el("h3", {}, name(label)),
    el(
      "p",
      { class: "value" },
      value,
      error ? el("span", { class: "error" }, ` ${error}`) : "",
      tag ? el("span", { class: "tag" }, tag) : "",
    ),
    ...lines.map((line) => el("p", { class: "aside" }, name(line))),
  );
}

const pairs = (rows) => el("dl", {}, ...rows.flatMap(([term, text]) => [el("dt", {}, name(term)), el("dd", {}, name(text))]));

export function showHead(meta, run) {
  $("app").replaceChildren(name(run.app));
  $("heading").textContent = run.heading;
  $("place").replaceChildren(name(meta.place ?? ""));
  $("command").replaceChildren(name(run.command));
  $("where").replaceChildren(name(run.where));
  $("called").replaceChildren(name(run.called));
  $("called").hidden = run.called === "";
  $("ending").textContent = run.ending;
  $("ending").hidden = run.ending === "";
  $("ending").classList.toggle("bad", !run.well);
  $("cards").replaceChildren(...run.cards.map(card));
}

export function showRest(meta, run) {
  const notes =
    run.notes.length > 0
      ? [
          el("h3", {}, "What to know of these figures"),
          el("ul", {}, ...run.notes.map(([kind, text]) => el("li", { class: kind === "hint" ? "hint" : null }, name(text)))),
        ]
      : [];
  show("quality", "measured", run.quality.length + notes.length > 0 ? [pairs(run.quality), ...notes] : null);
  show(
    "how",
    "formulas",
    run.formulas.length === 0
      ? null
      : el(
          "div",
          { class: "scroll", tabindex: "0", role: "group", "aria-label": "Formulas" },
          el(
            "table",
            {},
            el("caption", { class: "unseen" }, "Formulas with their numbers"),
            el(
              "thead",
              {},
              el(
                "tr",
                {},
                ...["Figure", "Formula", "With numbers", "Factor from"].map((title) => el("th", { scope: "col" }, title)),
              ),
            ),
            el(
              "tbody",
              {},
              ...run.formulas.map(({ name: figure, formula, numbers, source }) =>
                el(
                  "tr",
                  {},
                  el("th", { scope: "row" }, figure),
                  el("td", { class: "formula" }, formula),
                  el("td", {}, numbers),
                  el("td", {}, source === "" ? null : name(source)),
                ),
              ),
            ),
          ),
        ),
  );
  const tables = run.environment.filter(({ rows }) => rows.length > 0);
  const parts = tables.map(({ title, rows }, i) => {
    const inside = [el("summary", {}, name(title)), pairs(rows)];
    return el("details", { open: i < 2 && tables.length < 4 }, ...inside);
  });
  show("environment", "machine", [...parts, meta.file ? el("p", { class: "aside" }, "Data file: ", name(meta.file)) : ""]);
}
