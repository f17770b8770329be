// SPDX-License-Identifier: BSD-3-Clause
// Tracks of the page from readings, without a page.
const js = `${process.env.PERUN_WEB}/js`;
const { Track } = await import(`${js}/energy.js`);

/** As src/report/page/columns.cpp packs. */
export function pack(rows) {
  const bytes = [];
  const places = rows.map((numbers) => {
    let before = 0n;
    const codes = numbers.map((number) => {
      const step = BigInt(number) - before;
      before = BigInt(number);
      return step < 0n ? -2n * step - 1n : 2n * step;
    });
    let w = 0;
    for (const code of codes) while (code >> BigInt(8 * w) > 0n) ++w;
    const place = { at: bytes.length, n: numbers.length, w };
    for (let plane = 0; plane < w; ++plane) for (const code of codes) bytes.push(Number((code >> BigInt(8 * plane)) & 255n));
    return place;
  });
  return [Uint8Array.from(bytes), ...places];
}

export const limits = { refresh_s: 0.001, averaging_s: 0, step_J: 1e-6, step_W: 0.001, highest_W: 1000, halfwidth_s: 1e-6 };

export function counter(times_us, microjoules, gaps) {
  const [bytes, t, v, g] = pack([times_us, microjoules, ...(gaps ? [gaps] : [])]);
  return new Track({ node: 0, id: "c", gauge: false, unit: 1e-6, t, v, gaps: g, ...limits }, bytes);
}

/** `gaps` are the numbers of the stretches over which failed readings are bridged. */
export function gauge(times_us, milliwatts, more = {}, gaps = []) {
  const [bytes, t, v, g] = pack([times_us, milliwatts, gaps.map((at) => 2 * at + 1)]);
  return new Track({ node: 0, id: "g", gauge: true, unit: 1e-3, t, v, gaps: gaps.length > 0 ? g : undefined, ...limits, ...more }, bytes);
}
