// SPDX-License-Identifier: BSD-3-Clause
// Tables that sort by any column, and whose rows may be chosen.
import { el, name } from "./dom.js";

const shownAtFirst = 100;

function comparer(column, down) {
  const key = (row) => row.cells[column]?.[1] ?? row.cells[column]?.[0] ?? "";
  const rank = (value) => (value === "" ? 2 : typeof value === "string" ? 1 : 0); // empty ones stay last
  return (a, b) => {
    const x = key(a),
      y = key(b);
    if (rank(x) !== rank(y)) return rank(x) - rank(y);
    const order = typeof x === "number" ? x - y : x.localeCompare(y, undefined, { numeric: true });
    return down ? -order : order;
  };
}

/**
 * `data` as src/report/page/tables.hpp has it. `options.choose(key)` is told which row was chosen, null for none;
 * `options.current` is the key of a row that stands out; `options.kept` is how it was sorted and chosen before, and is told.
 */
export function table(caption, data, options = {}) {
  let rows = data.rows,
    sorted = null,
    chosen = null,
    all = false;
  const body = el("tbody");
  const more = el("button", {
    type: "button",
    class: "more",
    onclick: () => {
      all = true;
      fill();
    },
  });
  const left = data.left_out ? el("p", { class: "aside" }, `${data.left_out} more rows are not in this page`) : null;

  function choose(row) {
    chosen = chosen === row.key ? null : row.key;
    options.kept?.choose(chosen);
    options.choose(chosen);
    fill();
    body.querySelector(`button[data-key="${CSS.escape(row.key)}"]`)?.focus();
  }
  function first(row) {
    const text = name(row.cells[0][0]);
    if (!options.choose || row.key === "") return text;
    return el(
      "button",
      {
        type: "button",
        class: "link",
        "data-key": row.key,
        "aria-pressed": String(chosen === row.key),
        onclick: () => choose(row),
      },
      text,
    );
  }
  function line(row) {
    const cells = row.cells.map(([text], i) =>
      i === 0
        ? el("th", { scope: "row" }, first(row), row.tag ? el("span", { class: "tag" }, row.tag) : null)
        : el("td", { class: data.columns[i].number ? "number" : null }, data.columns[i].number ? text : name(text)),
    );
    return el(
      "tr",
      {
        class:
          [
            row.kind === "estimated" ? "estimated" : "",
            row.key === options.current ? "current" : "",
            chosen !== null && chosen === row.key ? "chosen" : "",
          ]
            .join(" ")
            .trim() || null,
      },
      ...cells,
    );
  }
  function fill() {
    const shown = all ? rows : rows.slice(0, shownAtFirst);
    body.replaceChildren(...shown.map(line));
    more.hidden = shown.length === rows.length;
    more.textContent = `Show all ${rows.length} rows`;
  }
  function sort(column, down = sorted?.column === column ? !sorted.down : data.columns[column].number) {
    sorted = { column, down };
    options.kept?.sorted(`${column},${down ? "down" : "up"}`);
    rows = [...rows].sort(comparer(column, down));
    heads.forEach((head, i) =>
      i === column ? head.setAttribute("aria-sort", down ? "descending" : "ascending") : head.removeAttribute("aria-sort"),
    );
    fill();
  }
  const heads = data.columns.map((column, i) =>
    el(
      "th",
      { scope: "col", class: column.number ? "number" : null },
      el("button", { type: "button", class: "sort", onclick: () => sort(i) }, column.title),
    ),
  );
  if (options.choose && rows.some((row) => row.key !== "" && row.key === options.kept?.chosen)) {
    chosen = options.kept.chosen;
    options.choose(chosen);
  }
  const [, column, way] = options.kept?.sort?.match(/^(\d+),(up|down)$/) ?? [];
  if (column !== undefined && Number(column) < heads.length) sort(Number(column), way === "down");
  else fill();
  return el(
    "div",
    {},
    el(
      "div",
      { class: "scroll", tabindex: "0", role: "group", "aria-label": caption },
      el("table", {}, el("caption", { class: "unseen" }, caption), el("thead", {}, el("tr", {}, ...heads)), body),
    ),
    more,
    left,
  );
}

/** A table without keys and sorting, for what a chart shows. */
export function plainTable(caption, titles, rows) {
  return el(
    "div",
    { class: "scroll", tabindex: "0", role: "group", "aria-label": caption },
    el(
      "table",
      {},
      el("caption", { class: "unseen" }, caption),
      el(
        "thead",
        {},
        el("tr", {}, ...titles.map((title, i) => el("th", { scope: "col", class: i > 0 ? "number" : null }, name(title)))),
      ),
      el(
        "tbody",
        {},
        ...rows.map((cells) =>
          el(
            "tr",
            {},
            ...cells.map((text, i) => (i === 0 ? el("th", { scope: "row" }, name(text)) : el("td", { class: "number" }, text))),
          ),
        ),
      ),
    ),
  );
}
