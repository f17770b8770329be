// SPDX-License-Identifier: BSD-3-Clause
// Drawings of a comparison. Places are parts of the width, so that they fit any screen.

function svg(tag, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** Where a value lies between `from` and `to`, with some room at both sides. */
class Scale {
  constructor(values, logarithmic) {
    this.of = logarithmic ? Math.log : (value) => value;
    const places = values.map(this.of);
    const low = Math.min(...places),
      high = Math.max(...places);
    const room = 0.08 * (high - low) || Math.abs(high) * 0.01 || 0.01;
    Object.assign(this, { low: low - room, high: high + room });
  }
  at(value) {
    return (100 * (this.of(value) - this.low)) / (this.high - this.low);
  }
  place(value) {
    return `${this.at(value).toFixed(3)}%`;
  }
}

/** Ratios are held against each other by their logarithms; 1, no difference, is always there. */
export const ratioScale = (rows) =>
  new Scale([1, ...rows.filter((row) => row.at !== undefined).flatMap((row) => [row.from, row.to])], true);

/** The interval of a ratio as a bar with its middle, beside the line of no difference. */
export function intervalBar(row, scale) {
  const parts = [svg("line", { class: "same", x1: scale.place(1), x2: scale.place(1), y1: 0, y2: "100%" })];
  if (row.at !== undefined) {
    const width = Math.max(scale.at(row.to) - scale.at(row.from), 0.5).toFixed(3);
    parts.push(svg("rect", { x: scale.place(row.from), width: `${width}%`, y: 8, height: 8, rx: 2 }));
    parts.push(svg("circle", { cx: scale.place(row.at), cy: 12, r: 5 }));
  }
  return svg("svg", { class: `forest ${row.tone.replaceAll(" ", "-")}`, height: 24, "aria-hidden": "true" }, ...parts);
}

/** The energy of every run, a line of dots for each side. */
export function runDots(sides, letters) {
  const scale = new Scale(
    sides.flat().map((run) => run.joules),
    false,
  );
  const height = 28;
  const parts = sides.flatMap((runs, i) =>
    runs.map((run) =>
      svg("circle", { class: `side-${i}`, cx: scale.place(run.joules), cy: height * (i + 0.5), r: 5 }, svg("title", {}, run.name)),
    ),
  );
  return svg(
    "svg",
    { class: "dots", height: height * sides.length, role: "img", "aria-label": `Energy of each run of ${letters.join(" and ")}` },
    ...parts,
  );
}
