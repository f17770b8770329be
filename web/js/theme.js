// SPDX-License-Identifier: BSD-3-Clause
// Light and dark, and the colours that canvases take from the style sheet.
import { $ } from "./dom.js";

const listeners = [];
const kept = "perun-theme";

function remembered() {
  try {
    return localStorage.getItem(kept);
  } catch {
    return null;
  } // not every browser lets a file remember
}

function set(theme) {
  document.documentElement.dataset.theme = theme;
  $("theme").setAttribute("aria-pressed", String(theme === "dark"));
  for (const listener of listeners) listener();
}

export function startTheme() {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const wanted = () => remembered() ?? (system.matches ? "dark" : "light");
  set(wanted());
  system.addEventListener("change", () => set(wanted()));
  $("theme").addEventListener("click", () => {
    const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    try {
      localStorage.setItem(kept, next);
    } catch {
      /* then only for now */
    }
    set(next);
  });
  addEventListener("beforeprint", () => set("light"));
  addEventListener("afterprint", () => set(wanted()));
}

export const onTheme = (listener) => listeners.push(listener);

export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/** Series colours of Okabe and Ito, told apart with any colour vision; beyond them the same ones again, paler. */
export const seriesCount = 7;
export const seriesColour = (index) => colour(`series-${index % seriesCount}`);

/** Text of the page, for canvases, in whole pixels, which uPlot needs; sizes follow the reader's settings. */
export function font(rem = 0.8) {
  const root = parseFloat(getComputedStyle(document.documentElement).fontSize);
  return `${Math.round(rem * root)}px ${getComputedStyle(document.body).fontFamily}`;
}

/** As much of a text as fits into `width`, cut with an ellipsis. */
export function clipped(context, text, width) {
  if (context.measureText(text).width <= width) return text;
  const letters = [...text];
  let low = 0,
    high = letters.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (context.measureText(`${letters.slice(0, middle).join("")}…`).width <= width) low = middle;
    else high = middle;
  }
  return `${letters.slice(0, low).join("")}…`;
}

/** Black or white, whichever can be read better on a colour "#rrggbb". */
export function inkOn(base) {
  const [r, g, b] = [1, 3, 5].map((at) => (parseInt(base.slice(at, at + 2), 16) / 255) ** 2.2);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.18 ? "#000" : "#fff";
}

/** Stripes of a colour, for what is estimated: not told by colour alone. */
export function hatch(context, base) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 8;
  const c = tile.getContext("2d");
  c.fillStyle = colour("panel");
  c.fillRect(0, 0, 8, 8);
  c.globalAlpha = 0.45;
  c.fillStyle = base;
  c.fillRect(0, 0, 8, 8);
  c.globalAlpha = 1;
  c.strokeStyle = base;
  c.lineWidth = 2;
  for (const shift of [-8, 0, 8]) {
    c.beginPath();
    c.moveTo(shift, 8);
    c.lineTo(shift + 8, 0);
    c.stroke();
  }
  return context.createPattern(tile, "repeat");
}
