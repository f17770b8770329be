// SPDX-License-Identifier: BSD-3-Clause
// Regions in the chart of the power: a chosen one over its whole height, the outermost ones of the first thread above it.
import { colour, font } from "./theme.js";

export const stripHeight = 22;

function placeOf(u, { from, to }) {
  const { left, width } = u.bbox;
  return (t) => left + ((Math.min(Math.max(t, from), to) - from) / (to - from)) * width;
}

export function drawRegion(u, calls, view, region) {
  if (region === null || calls.empty) return;
  const { top, width, height } = u.bbox;
  const x = placeOf(u, view);
  u.ctx.save();
  u.ctx.fillStyle = colour("band");
  calls.lanes.forEach((_, lane) =>
    calls.each(lane, view.from, view.to, (view.to - view.from) / width, (i) => {
      if (calls.names[calls.name[i]] !== region) return;
      u.ctx.fillRect(x(calls.from[i]), top, Math.max(1, x(calls.to[i]) - x(calls.from[i])), height);
    }),
  );
  u.ctx.restore();
}

export function drawStrip(u, calls, view) {
  if (calls.empty) return;
  const ratio = devicePixelRatio;
  const x = placeOf(u, view);
  const height = (stripHeight - 4) * ratio;
  const y = u.bbox.top - stripHeight * ratio;
  u.ctx.save();
  u.ctx.font = font(0.75).replace(/^[\d.]+/, (size) => size * ratio);
  u.ctx.textBaseline = "middle";
  u.ctx.textAlign = "left";
  calls.each(0, view.from, view.to, (view.to - view.from) / u.bbox.width, (i) => {
    if (calls.depth[i] !== 0) return;
    const left = x(calls.from[i]);
    const width = Math.max(1, x(calls.to[i]) - left);
    u.ctx.fillStyle = calls.colour(i);
    u.ctx.globalAlpha = 0.35;
    u.ctx.fillRect(left, y, width, height);
    u.ctx.globalAlpha = 1;
    const text = calls.names[calls.name[i]];
    if (width < u.ctx.measureText(text).width + 8 * ratio) return;
    u.ctx.fillStyle = colour("text");
    u.ctx.fillText(text, left + 4 * ratio, y + height / 2);
  });
  u.ctx.restore();
}
