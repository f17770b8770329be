// SPDX-License-Identifier: BSD-3-Clause
// Regions of every thread over time, above the power of its node.
import { clipped, colour, font, inkOn, onTheme } from "./theme.js";
import { groupsOf, meansOf } from "./groups.js";
import { edgesOf } from "./time.js";
import { el, folded, name } from "./dom.js";
import { moment, si } from "./format.js";
import { table } from "./table.js";

const level = 16,
  gap = 3,
  powerHeight = 34,
  labelWidth = 86;

export class Gantt {
  #region = null;
  constructor(run, tracks, calls, view) {
    Object.assign(this, { run, calls, view });
    this.groups = groupsOf(run, tracks, "node");
    this.canvas = el("canvas", {
      role: "img",
      "aria-label": `Regions of ${calls.lanes.length} threads over time; the table below has the same`,
    });
    this.readout = el("p", { class: "readout", "aria-hidden": "true" }, "\u00a0");
    this.scroll = el("div", { class: "lanes", tabindex: "0", role: "group", "aria-label": "Regions over time" }, this.canvas);
    const joined = run.timeline.calls_joined
      ? el(
          "p",
          { class: "aside" },
          "Calls too short to be seen one by one stand together here; the table of regions counts each.",
        )
      : null;
    this.element = el(
      "div",
      {},
      this.scroll,
      this.readout,
      joined,
      run.threads_table
        ? folded("Threads and regions as a table", () => table("Threads and regions", run.threads_table))
        : null,
    );
    this.canvas.addEventListener("pointermove", (event) => this.#tell(event));
    this.canvas.addEventListener("pointerleave", () => {
      this.readout.textContent = "\u00a0";
    });
    this.canvas.addEventListener("dblclick", () => view.zoom(0, view.length));
    this.canvas.addEventListener(
      "wheel",
      (event) => {
        if (!event.ctrlKey) return; // the list itself scrolls
        event.preventDefault();
        const at = this.#time(event.offsetX),
          factor = event.deltaY < 0 ? 0.8 : 1.25;
        view.zoom(at - (at - view.from) * factor, at + (view.to - at) * factor);
      },
      { passive: false },
    );
    onTheme(() => this.draw());
    this.#layout();
  }

  /** From top to bottom: the power of a node, then its threads. */
  #layout() {
    this.rows = [];
    let y = 0,
      node = -1;
    this.calls.lanes.forEach((lane, i) => {
      if (lane.node !== node) {
        node = lane.node;
        if (this.#power(node)) {
          this.rows.push({ y, height: powerHeight, node });
          y += powerHeight + gap;
        }
      }
      const height = Math.max(1, Math.min(lane.depth, 6)) * level;
      this.rows.push({ y, height, lane: i });
      y += height + gap;
    });
    this.height = y;
  }
  #power(node) {
    return this.groups.find((group) => group.tracks[0].node === node);
  }
  #time(x) {
    return this.view.from + ((x - labelWidth) / (this.canvas.clientWidth - labelWidth)) * (this.view.to - this.view.from);
  }
  #label(lane) {
    const { rank, tid } = this.calls.lanes[lane];
    const many = new Set(this.calls.lanes.map((other) => `${other.node}/${other.rank}`)).size < this.calls.lanes.length;
    return many ? `${this.calls.lanes.some((other) => other.rank !== 0) ? `${rank}:` : "thread "}${tid}` : `rank ${rank}`;
  }

  showRegion(key) {
    this.#region = key;
    this.draw();
  }
  refresh() {
    this.draw();
  }

  draw() {
    if (!this.canvas.isConnected) return;
    const ratio = devicePixelRatio,
      width = this.scroll.clientWidth;
    // A canvas has a greatest size; thousands of threads are drawn as far as that goes.
    const height = Math.min(this.height, 30000 / ratio);
    Object.assign(this.canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
    this.canvas.style.height = `${height}px`;
    const c = this.canvas.getContext("2d");
    c.scale(ratio, ratio);
    c.font = font(0.75);
    c.textBaseline = "middle";
    for (const row of this.rows) row.lane === undefined ? this.#drawPower(c, row, width) : this.#drawLane(c, row, width);
  }
  #drawPower(c, row, width) {
    const group = this.#power(row.node),
      count = Math.max(1, Math.round(width - labelWidth));
    const means = meansOf(group, edgesOf(this.view.from, this.view.to, count));
    const most = means.reduce((a, b) => (b > a ? b : a), 1e-9);
    c.fillStyle = colour("text-2");
    c.fillText(clipped(c, this.run.hosts[row.node], labelWidth - 6), 0, row.y + 10);
    c.fillText(`≤ ${si(most, "W", 3)}`, 0, row.y + 25);
    c.fillStyle = colour("power");
    for (let i = 0; i < count; ++i)
      if (!Number.isNaN(means[i]))
        c.fillRect(labelWidth + i, row.y + row.height * (1 - means[i] / most), 1.2, (row.height * means[i]) / most);
  }
  #drawLane(c, row, width) {
    const { from, to } = this.view,
      scale = (width - labelWidth) / (to - from);
    const x = (t) => labelWidth + (Math.min(Math.max(t, from), to) - from) * scale;
    c.fillStyle = colour("lane");
    c.fillRect(labelWidth, row.y, width - labelWidth, row.height);
    c.fillStyle = colour("text");
    c.fillText(clipped(c, this.#label(row.lane), labelWidth - 6), 0, row.y + row.height / 2);
    this.calls.each(row.lane, from, to, 0.7 / scale, (i) => {
      if (this.calls.depth[i] >= 6) return;
      const a = x(this.calls.from[i]),
        b = Math.max(a + 0.7, x(this.calls.to[i])),
        y = row.y + this.calls.depth[i] * level;
      const text = this.calls.names[this.calls.name[i]],
        chosen = this.#region === null || this.#region === text;
      c.globalAlpha = chosen ? 1 : 0.2;
      c.fillStyle = this.calls.colour(i);
      c.fillRect(a, y, b - a, level - 1);
      if (b - a > 34) {
        c.fillStyle = inkOn(this.calls.colour(i));
        const wide = c.measureText(text).width;
        if (wide < b - a - 6) c.fillText(text, a + 3, y + level / 2);
      }
      c.globalAlpha = 1;
    });
  }

  #tell(event) {
    const row = this.rows.find(({ y, height }) => event.offsetY >= y && event.offsetY < y + height);
    if (row?.lane === undefined || event.offsetX < labelWidth) {
      this.readout.textContent = "\u00a0";
      return;
    }
    const t = this.#time(event.offsetX),
      depth = Math.floor((event.offsetY - row.y) / level);
    const i = this.calls.at(row.lane, t, depth);
    const { rank, pid, tid, node } = this.calls.lanes[row.lane];
    this.readout.replaceChildren(
      `rank ${rank}, process ${pid}, thread ${tid} on `,
      name(this.run.hosts[node] ?? ""),
      ` at ${moment(t, 0.001)}`,
      ...(i < 0
        ? []
        : [
            ": ",
            name(this.calls.names[this.calls.name[i]]),
            `, ${si(this.calls.to[i] - this.calls.from[i], "s", 3)}${this.calls.count[i] > 1 ? ` (${this.calls.count[i]} calls)` : ""}`,
          ]),
    );
  }
}
