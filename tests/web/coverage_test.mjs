// SPDX-License-Identifier: BSD-3-Clause
// How often the page's interval of a selection holds the truth, for gauges: random powers that are known, read as the sampler
// reads (tests/unit/coverage_test.cpp has the same of whole runs). Seeded.
import assert from "node:assert/strict";
import { test } from "node:test";

const { before } = await import(`${process.env.PERUN_WEB}/js/energy.js`);
const { gauge } = await import("./tracks.mjs");

function randomFrom(seed) {
  const next = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
  return {
    next,
    between: (a, b) => a + (b - a) * next(),
    log: (a, b) => a * (b / a) ** next(),
    happens: (share) => next() < share,
    waiting: (mean) => -mean * Math.log(next()),
  };
}

const sizes = ["shorter than between two readings", "1 to 10 readings", "10 readings and more"];
const kinds = ["constant", "square", "bursts", "steps", "ramps", "sine"];

/** Pieces [seconds, watts] of a random curve, `all` seconds long. */
function* pieces(random, kind, all) {
  const low = random.between(2, 80),
    high = random.between(80, 400),
    duty = random.between(0.1, 0.9),
    period = random.log(0.002, 10),
    fine = Math.max(Math.min(period / 40, all / 200), all / 20000);
  for (let i = 0, at = 0; ; ++i) {
    const odd = i % 2 === 1;
    const piece = {
      constant: () => [all, high],
      square: () => [period * (odd ? 1 - duty : duty), odd ? low : high],
      bursts: () => [odd ? period * 0.2 : period * random.between(0.5, 3), odd ? high : low],
      steps: () => [random.waiting(period) + 1e-4, random.between(low, high)],
      ramps: () => [fine, low + ((high - low) * (at % period)) / period],
      sine: () => [fine, (low + high) / 2 + ((high - low) / 2) * Math.sin((2 * Math.PI * at) / period)],
    }[kind]();
    yield piece;
    at += piece[0];
  }
}

/** A power whose energy is known, from 2 s before the run to a second behind it. */
class Power {
  constructor(random, kind, length) {
    this.at = [];
    this.joules = [];
    this.watts = [];
    let at = -2,
      joules = 0;
    for (const [seconds, watts] of pieces(random, kind, length + 3)) {
      this.at.push(at);
      this.joules.push(joules);
      this.watts.push(watts);
      at += seconds;
      joules += seconds * watts;
      if (at > length + 1) break;
    }
  }
  now(t) {
    return this.watts[before(this.at, t)];
  }
  upTo(t) {
    const i = before(this.at, t);
    return this.joules[i] + (t - this.at[i]) * this.watts[i];
  }
}

/** The track of a gauge that is renewed every `refresh` seconds with a value of the moment, or a mean over `averaging`. */
function read(random, power, length, period, { refresh_s: refresh, averaging_s: averaging, step_W: step }) {
  const phase = random.between(0, refresh);
  const shown = (t) => {
    const renewed = Math.floor((t - phase) / refresh) * refresh + phase;
    const watts = averaging > 0 ? (power.upTo(renewed) - power.upTo(renewed - averaging)) / averaging : power.now(renewed);
    return Math.round((Math.floor(watts / step + 1e-7) * step) / 1e-3);
  };
  const times = [],
    values = [],
    gaps = [];
  let failed = false;
  for (let k = 0; k * period < length; ++k) {
    if (k > 0 && random.happens(0.01)) continue; // late beyond its time
    const t = k === 0 ? 0 : k * period + random.log(1e-6, random.happens(0.05) ? 5e-3 : 2e-4);
    if (k > 0 && random.happens(0.02)) {
      failed = true;
      continue;
    }
    const us = Math.round(t * 1e6);
    if (us <= (times.at(-1) ?? -1) || t >= length) continue;
    if (failed) gaps.push(times.length - 1);
    failed = false;
    times.push(us);
    values.push(shown(t));
  }
  times.push(Math.round(length * 1e6) + 100);
  values.push(shown(length + 1e-4));
  if (failed) gaps.push(times.length - 2);
  return gauge(times, values, { refresh_s: refresh, averaging_s: averaging, step_W: step, highest_W: 1000 }, gaps);
}

class Count {
  held = 0;
  all = 0;
  width = 0;
  add(held, width) {
    this.held += held ? 1 : 0;
    this.width += width;
    ++this.all;
  }
  get share() {
    return this.held / this.all;
  }
  get text() {
    return `${this.all} selections, ${(100 * this.share).toFixed(2)} % within, mean width ${((100 * this.width) / this.all).toFixed(1)} %`;
  }
}

test("of gauges the interval holds the truth in 95 % of selections", (t) => {
  const random = randomFrom(20261126);
  const all = new Count(),
    by = new Map();
  for (let run = 0; run < 600; ++run) {
    const kind = kinds[run % kinds.length];
    const length = random.log(0.5, 60),
      period = random.log(0.001, 1);
    if (period > length / 2) continue;
    const limits = {
      refresh_s: random.log(0.5e-3, 0.1),
      averaging_s: random.happens(0.3) ? random.log(0.01, 1) : 0,
      step_W: 0.001 * Math.round(random.log(1, 1000)),
    };
    const power = new Power(random, kind, length);
    const track = read(random, power, length, period, limits);
    for (let i = 0; i < 5; ++i) {
      const size = random.log(0.005, 1) * length,
        from = random.between(0, length - size),
        to = from + size;
      const truth = power.upTo(to) - power.upTo(from);
      const { joules, error } = track.measure(from, to);
      const held = Math.abs(joules - truth) <= error,
        width = error / truth;
      const readings = size / period;
      for (const key of [
        `${limits.averaging_s > 0 ? "means" : "moments"}`,
        `${limits.averaging_s > 0 ? "means" : "moments"}, ${kind}`,
        sizes[readings < 1 ? 0 : readings < 10 ? 1 : 2],
      ]) {
        if (!by.has(key)) by.set(key, new Count());
        by.get(key).add(held, width);
      }
      all.add(held, width);
    }
  }
  t.diagnostic(`all: ${all.text}`);
  for (const key of [...by.keys()].sort()) t.diagnostic(`${key}: ${by.get(key).text}`);
  assert.ok(all.all >= 1000, String(all.all));
  assert.ok(all.share >= 0.94, all.text);
  for (const size of sizes) assert.ok(by.get(size).share >= 0.92, `${size}: ${by.get(size).text}`);
  const { width, all: count } = by.get(sizes.at(-1));
  assert.ok(width / count < 0.16, `a mean width of ${width / count} where there are many readings`);
});
