// SPDX-License-Identifier: BSD-3-Clause
// Where the energy went, as one bar with its list.
import { el, show } from "./dom.js";

export function showBar(run) {
  if (run.parts.length === 0) return show("went", "bar", null);
  const classOf = (part, i) => `series-${i % 7}${part.kind === "measured" ? "" : " hatched"}`;
  const pieces = run.parts.map((part, i) => {
    const piece = el("span", {
      class: `piece ${classOf(part, i)}`,
      title: `${part.name} ${part.energy}, ${part.share_text}${part.tag}`,
    });
    piece.style.flexGrow = String(Math.max(part.share, 0.002));
    return piece;
  });
  const rows = run.parts.map((part, i) =>
    el(
      "tr",
      {},
      el(
        "th",
        { scope: "row" },
        el("span", { class: `key ${classOf(part, i)}`, "aria-hidden": "true" }),
        part.name,
        el("span", { class: "tag" }, part.tag),
      ),
      el("td", { class: "number" }, part.energy),
      el("td", { class: "number" }, part.share_text),
    ),
  );
  show("went", "bar", [
    el("div", { class: "bar", "aria-hidden": "true" }, ...pieces),
    el(
      "table",
      { class: "legend" },
      el("caption", { class: "unseen" }, "Energy by part of the machine"),
      el(
        "thead",
        { class: "unseen" },
        el("tr", {}, ...["Part", "Energy", "Share"].map((title) => el("th", { scope: "col" }, title))),
      ),
      el("tbody", {}, ...rows),
    ),
  ]);
}
