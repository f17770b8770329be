// SPDX-License-Identifier: BSD-3-Clause
// What src/report/page/columns.cpp packed: rows of whole numbers, as differences, byte by byte, in gzip and base64.
import { $ } from "./dom.js";

export const readMeta = () => JSON.parse($("meta").textContent);

export async function readBytes() {
  const text = $("data").textContent.trim();
  if (text === "") return new Uint8Array();
  const binary = atob(text);
  const packed = new Uint8Array(binary.length);
  for (let i = 0; i < packed.length; ++i) packed[i] = binary.charCodeAt(i);
  $("data").textContent = "";
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** The row of numbers at `place` = {at, n, w}, each times `unit`. */
export function column(bytes, place, unit = 1) {
  const { at, n, w } = place;
  const out = new Float64Array(n);
  let sum = 0;
  for (let i = 0; i < n; ++i) {
    let code = 0;
    for (let plane = w - 1; plane >= 0; --plane) code = code * 256 + bytes[at + plane * n + i];
    // The sign is in the lowest bit; halves are exact below 2^53.
    sum += code % 2 === 1 ? -(code + 1) / 2 : code / 2;
    out[i] = sum * unit;
  }
  return out;
}
