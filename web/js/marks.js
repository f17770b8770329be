// SPDX-License-Identifier: BSD-3-Clause
// The calls of regions over time.
import { before } from "./energy.js";
import { column } from "./data.js";
import { seriesColour } from "./theme.js";

export class Calls {
  constructor(run, bytes) {
    const { calls, names, lanes } = run.timeline;
    const row = (key, unit) => column(bytes, calls[key], unit);
    this.lane = row("lane");
    this.name = row("name");
    this.depth = row("depth");
    this.count = row("calls");
    this.from = row("from", 1e-6);
    const length = row("length", 1e-6);
    this.to = this.from.map((from, i) => from + length[i]);
    this.names = names;
    this.lanes = lanes.map((lane, i) => ({
      ...lane,
      first: before(this.lane, i - 0.5) + 1,
      end: before(this.lane, i) + 1,
      depth: 1,
      longest: [],
    }));
    for (let i = 0; i < this.from.length; ++i) {
      const lane = this.lanes[this.lane[i]];
      lane.depth = Math.max(lane.depth, this.depth[i] + 1);
      lane.longest[this.depth[i]] = Math.max(lane.longest[this.depth[i]] ?? 0, length[i]);
    }
    // Regions have the colours of the table's order: those that cost most come first.
    const order = new Map((run.regions_table?.rows ?? []).map((region, i) => [region.key, i]));
    this.colours = names.map((text, i) => order.get(text) ?? order.size + i);
  }

  get empty() {
    return this.from.length === 0;
  }
  colour(call) {
    return seriesColour(this.colours[this.name[call]]);
  }

  /** Calls `see(i)` for the calls of a lane that reach into [from, to]; where many fall into `least` seconds, for one. */
  each(lane, from, to, least, see) {
    const { first, end, longest } = this.lanes[lane];
    const reach = Math.max(...longest, 0);
    let low = first,
      high = end;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.from[middle] < from - reach) low = middle + 1;
      else high = middle;
    }
    const drawn = [];
    for (let i = low; i < end && this.from[i] <= to; ++i) {
      if (this.to[i] < from) continue;
      const depth = this.depth[i];
      if (drawn[depth] !== undefined && this.to[i] < drawn[depth] + least) continue;
      drawn[depth] = Math.max(this.to[i], this.from[i] + least);
      see(i);
    }
  }

  /** The call of a lane at a moment, the innermost or that of `depth`; -1 when there is none. */
  at(lane, t, depth) {
    let found = -1;
    this.each(lane, t, t, 0, (i) => {
      if (this.from[i] <= t && t <= this.to[i] && (depth === undefined || this.depth[i] === depth)) found = i;
    });
    return found;
  }
}
