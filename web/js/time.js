// SPDX-License-Identifier: BSD-3-Clause
// What all charts over time have in common: their axis, their options for uPlot, the wheel.
import { colour, font } from "./theme.js";
import { moment } from "./format.js";

/** `count` stretches of equal length between two moments. */
export function edgesOf(from, to, count) {
  return Float64Array.from({ length: count + 1 }, (_, i) => from + ((to - from) * i) / count);
}

/** Room for the labels of an axis, in whole steps so that it does not jump about. */
function widest(u, texts) {
  u.ctx.save();
  u.ctx.font = font(0.8);
  const wide = Math.max(0, ...(texts ?? []).map((text) => u.ctx.measureText(text).width));
  u.ctx.restore();
  return Math.ceil((wide + 18) / 16) * 16;
}

/** The options that all charts over time share. `view` is {from, to, cursor}. */
export function timeOptions(view, width, height, label) {
  const axis = {
    stroke: () => colour("text-2"),
    grid: { stroke: () => colour("line"), width: 1 },
    ticks: { stroke: () => colour("line"), width: 1 },
    font: font(0.8),
  };
  return {
    width,
    height,
    legend: { show: false },
    padding: [12, 28, 0, 0],
    scales: {
      x: { time: false, range: () => [view.from, view.to] },
      y: { range: (_, low, high) => [Math.min(0, low ?? 0), (high ?? 0) > 0 ? high * 1.05 : 1] },
    },
    axes: [
      { ...axis, size: 34, space: 80, values: (_, splits, __, ___, step) => splits.map((t) => moment(t, step)) },
      {
        ...axis,
        size: (u, texts) => widest(u, texts),
        values: (_, splits) =>
          splits.map((v) =>
            label(v)
              .replace(/(\.\d*?)0+(?=\D)/, "$1")
              .replace(/\.(?=\D)/, ""),
          ),
      },
    ],
    cursor: {
      sync: { key: "time", setSeries: false },
      points: { show: false },
      drag: { x: true, y: false, setScale: false },
      bind: {
        dblclick: (u) => () => {
          view.zoom(0, view.length);
          return null;
        },
      },
    },
  };
}

/** Makes the scale of the values logarithmic, with 1, 2 and 5 of each decade, or the decades alone where they are many. */
export function logScale(options) {
  const splits = (_, __, low, high) => {
    const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
    const each = last - first > 4 ? [1] : [1, 2, 5];
    const all = Array.from({ length: last - first + 1 }, (_, i) => each.map((digit) => digit * 10 ** (first + i))).flat();
    return all.filter((value) => value >= low && value <= high);
  };
  // From decade to decade, or half of one: what is between two labels can then be told.
  const range = (_, low, high) => (low > 0 ? [below(low), 1.25 * high] : [0.1, 10]);
  const below = (value) => {
    const decade = 10 ** Math.floor(Math.log10(value / 1.05));
    return [5, 2, 1].map((digit) => digit * decade).find((start) => start <= value / 1.05);
  };
  options.scales.y = { distr: 3, range };
  Object.assign(options.axes[1], { splits, filter: (_, all) => all });
}

/** Wheel on a chart: zoom about the pointer; with shift, or sideways: move. */
export function wheelZoom(plot, view) {
  plot.over.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const size = view.to - view.from,
        at = view.from + (event.offsetX / plot.over.clientWidth) * size;
      const sideways = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
      if (sideways)
        return view.zoom(
          view.from + (Math.sign(event.deltaX || event.deltaY) * size) / 8,
          view.to + (Math.sign(event.deltaX || event.deltaY) * size) / 8,
        );
      const factor = event.deltaY < 0 ? 0.8 : 1.25;
      view.zoom(at - (at - view.from) * factor, at + (view.to - at) * factor);
    },
    { passive: false },
  );
}
