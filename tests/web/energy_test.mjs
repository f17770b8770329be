// SPDX-License-Identifier: BSD-3-Clause
// The page's arithmetic by itself: rows of numbers, energies of stretches, texts of figures.
import assert from "node:assert/strict";
import { test } from "node:test";

const js = `${process.env.PERUN_WEB}/js`;
const { column } = await import(`${js}/data.js`);
const { Track, measureAll } = await import(`${js}/energy.js`);
const { counter, gauge, limits, pack } = await import("./tracks.mjs");
const { cost, joules, moment, si, significant, watts } = await import(`${js}/format.js`);

test("rows come back as they were, of any sign and size", () => {
  for (const row of [[], [0], [5, 5, 5], [1, -1, 300, -70000, 2 ** 40, -(2 ** 45), 0], [-3]]) {
    const [bytes, place] = pack([row]);
    assert.deepEqual([...column(bytes, place)], row);
  }
});

test("a counter: straight lines between readings, half a stretch beyond", () => {
  const track = counter([0, 1e6, 2e6], [0, 100e6, 400e6]);
  assert.equal(track.between(0, 2), 400);
  assert.equal(track.between(0.5, 1.5), 200);
  assert.equal(track.between(-0.25, 0), 25);
  assert.equal(track.between(2, 9), 150);
  assert.deepEqual([...track.means([0, 0.5, 1, 1.5, 2])], [100, 100, 300, 300]);
});

test("a counter that looks for a part of the time only has a wider interval", () => {
  // Ten seconds, read every 100 ms: 50 and 150 W in turns of a second; the figures are those of src/analysis/sums.cpp.
  const times = Array.from({ length: 101 }, (_, i) => i * 1e5),
    sums = [0];
  for (let i = 1; i <= 100; ++i) sums.push(sums[i - 1] + (Math.floor((i - 1) / 10) % 2 ? 15e6 : 5e6));
  const [bytes, t, v] = pack([times, sums]);
  const of = (seen) => new Track({ node: 0, id: "c", gauge: false, unit: 1e-6, t, v, ...limits, refresh_s: 0.1, seen }, bytes);
  const whole = of(undefined).measure(0, 10),
    part = of(0.25).measure(0, 10);
  assert.equal(part.joules, whole.joules);
  assert.ok(part.error > 3 * whole.error, `${part.error} and ${whole.error}`);
  const steady = counter(times, times.map((us) => us * 100));
  steady.limits = { ...steady.limits, refresh_s: 0.1 };
  const before = steady.measure(0, 10).error;
  steady.limits = { ...steady.limits, seen: 0.25 };
  assert.ok(steady.measure(0, 10).error < 1.2 * before, "what is constant was seen");
});

test("no power is drawn over a time too short for the counter", () => {
  // Read at 0, 4, 5, 11, 12, 24 ms: 5 J in the millisecond from 4 to 5.
  const [bytes, t, v] = pack([
    [0, 4000, 5000, 11000, 12000, 24000],
    [0, 0, 5e6, 5e6, 6e6, 12e6],
  ]);
  const track = new Track({ node: 0, id: "c", gauge: false, unit: 1e-6, t, v, ...limits, shortest_s: 0.01 }, bytes);
  assert.deepEqual([...track.drawn.t], [0, 0.011, 0.024]);
  const { most } = track.ranges([0, 0.03]);
  assert.ok(Math.abs(most[0] - 7 / 0.013) < 1e-9, most[0]);
  assert.equal(track.between(0.004, 0.005), 5);
});

test("a gauge: trapezoids, exact inside of them too", () => {
  const track = gauge([0, 2e6, 4e6], [100e3, 300e3, 300e3]);
  assert.equal(track.between(0, 4), 1000);
  assert.equal(track.between(0, 1), 150);
  assert.equal(track.between(1, 2), 250);
});

test("what was not read is a gap, not a value", () => {
  const track = counter([0, 1e6, 2e6, 3e6], [0, 100e6, 100e6, 200e6], [2]); // stretch 1, energy not known
  assert.deepEqual([...track.means([0, 1, 2, 3])], [100, NaN, 100]);
  assert.deepEqual([...track.means([0, 1.4, 3])], [100, 100]);
  assert.ok(track.measure(0, 3).error > 100, "the gap's energy is not known");
  assert.ok(track.measure(0, 1).error < 1);
});

test("the interval holds the truth in 95 of 100 spans, and is not wider than it need be", () => {
  // A counter that turns every 10 ms and is read every 100 ms, of a power that changes every 70 ms. Seeded.
  let seed = 1;
  const random = () => {
    seed = (seed * 48271) % 2147483647;
    return seed / 2147483647;
  };
  const steps = Array.from({ length: 1000 }, () => 50 + 200 * random()),
    length = 0.07;
  const truth = (t) => {
    const k = Math.floor(t / length);
    return steps.slice(0, k).reduce((sum, w) => sum + w * length, 0) + steps[k] * (t - k * length);
  };
  const times = Array.from({ length: 500 }, (_, i) => Math.round(i * 1e5 + 3000 * random()));
  const [bytes, t, v] = pack([times, times.map((us) => Math.round(1e6 * truth(Math.floor(us / 1e4) * 0.01)))]);
  const track = new Track({ node: 0, id: "c", gauge: false, unit: 1e-6, t, v, ...limits, refresh_s: 0.01 }, bytes);
  let held = 0,
    ratio = 0;
  const spans = 400;
  for (let i = 0; i < spans; ++i) {
    const from = 1 + 20 * random(),
      to = from + 1 + 20 * random();
    const { joules: energy, error } = track.measure(from, to);
    const off = Math.abs(energy - (truth(to) - truth(from)));
    held += off <= error ? 1 : 0;
    ratio += error / spans;
  }
  assert.ok(held >= 0.93 * spans, `${held} of ${spans}`);
  assert.ok(ratio < 12, `a half width of ${ratio} J on the mean`);
});

test("meters add up, their errors in quadrature", () => {
  const track = counter([0, 1e6, 2e6], [0, 100e6, 200e6]);
  const one = track.measure(0.2, 1.7),
    two = measureAll([track, track], 0.2, 1.7);
  assert.equal(two.joules, 2 * one.joules);
  assert.ok(Math.abs(two.error - Math.SQRT2 * one.error) < 1e-12);
});

test("figures look as in the text report", () => {
  assert.deepEqual(
    [
      joules(2146.7e3),
      joules(0),
      si(412.6, "J"),
      si(3.14e-7, "J", 2),
      si(999.96, "W"),
      watts(1717.36),
      watts(0.5),
      watts(12345),
    ],
    ["2.147 MJ", "0 J", "412.6 J", "310 nJ", "1.000 kW", "1717 W", "500.0 mW", "12.35 kW"],
  );
  // As src/report/wording.cpp has them.
  assert.deepEqual(
    [cost(0.0495), cost(2.5e-5), cost(-12.345), cost(0), cost(99.996), cost(123456), cost(-1.5e7)],
    ["0.04950 ct", "2.500e-05 ct", "-12.35 ct", "0 ct", "1.00 EUR", "1235 EUR", "-150000 EUR"],
  );
  assert.deepEqual([significant(45.2), significant(9.9999, 4), significant(123456, 3)], ["45.20", "10.00", "123000"]);
  assert.deepEqual(
    [moment(1.25, 0.25), moment(90, 10), moment(125, 5), moment(3725.5, 0.5), moment(-3, 1)],
    ["1.25 s", "90 s", "2:05", "1:02:05.5", "-3 s"],
  );
});
