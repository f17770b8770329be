// SPDX-License-Identifier: BSD-3-Clause
// CO2e and cost of a stretch under factors that change with time, against sums done by hand.
import assert from "node:assert/strict";
import { test } from "node:test";

const { footprint } = await import(`${process.env.PERUN_WEB}/js/factors.js`);
const { counter } = await import("./tracks.mjs");

const near = (value, wanted) => assert.ok(Math.abs(value - wanted) <= 1e-9 * Math.max(1, Math.abs(wanted)), `${value} is not ${wanted}`);
const kWh = 3.6e6;

/** 100 W for 10 s, then 300 W for 10 s, read every 5 s. */
const stepped = () => counter([0, 5e6, 10e6, 15e6, 20e6], [0, 500e6, 1000e6, 2500e6, 4000e6]);

const run = (factors, more = {}) => ({
  hosts: ["n0"],
  devices: { "0/c": { counted: true }, "1/c": { counted: true } },
  timeline: { wall_s: [0], power: [{ node: 0, id: "c" }] },
  factors: { pue: 1.5, kg_per_kWh: 0.4, kg_per_kWh_over_time: [], ct_per_kWh: 30, ct_per_kWh_over_time: [], overhead_W: 0, ...factors },
  ...more,
});

test("constant factors: energy x PUE x factor", () => {
  const of = footprint(run({}), [stepped()], 5, 15);
  near(of.joules, 2000);
  near(of.kg, (2000 / kWh) * 1.5 * 0.4);
  near(of.cent, (2000 / kWh) * 1.5 * 30);
  near(of.kg_per_kWh, 0.4);
});

test("each joule has the factor of its time", () => {
  const changing = run({ kg_per_kWh_over_time: [[0, 0.1], [10, 0.5]], ct_per_kWh_over_time: [[0, -10], [12.5, 50]] }); // prettier-ignore
  const whole = footprint(changing, [stepped()], 0, 20);
  near(whole.kg, ((1000 * 0.1 + 3000 * 0.5) / kWh) * 1.5);
  near(whole.kg_per_kWh, 0.4);
  const part = footprint(changing, [stepped()], 7.5, 15); // 250 J, then 750 J until the price changes, then 750 J
  near(part.kg, ((250 * 0.1 + 1500 * 0.5) / kWh) * 1.5);
  near(part.cent, ((1000 * -10 + 750 * 50) / kWh) * 1.5);
  near(footprint(changing, [stepped()], 1, 2).kg_per_kWh, 0.1);
});

test("what is not known takes the run's mean, as the run's own figure does", () => {
  // Known: 500 J at 0.2 and 1500 J at 0.6.
  const gap = run({ kg_per_kWh: (500 * 0.2 + 1500 * 0.6) / 2000, kg_per_kWh_over_time: [[0, 0.2], [5, null], [15, 0.6]] }); // prettier-ignore
  near(footprint(gap, [stepped()], 0, 20).kg, (4000 / kWh) * 1.5 * 0.5);
  near(footprint(gap, [stepped()], 4, 6).kg, ((100 * 0.2 + 100 * 0.5) / kWh) * 1.5);
  const late = run({ kg_per_kWh: 0.6, kg_per_kWh_over_time: [[12, 0.6]] });
  near(footprint(late, [stepped()], 0, 20).kg_per_kWh, 0.6);
});

test("what is assumed for parts without a sensor counts too", () => {
  const assumed = run({ overhead_W: 100, kg_per_kWh_over_time: [[0, 0.1], [10, 0.5]] }); // prettier-ignore
  const whole = footprint(assumed, [stepped()], 0, 20);
  near(whole.joules, 6000);
  near(whole.kg, ((2000 * 0.1 + 4000 * 0.5) / kWh) * 1.5);
  assumed.timeline.power.push({ node: 0, id: "c" });
  near(footprint(assumed, [stepped()], 0, 20).joules, 4000); // one device of two: what is assumed is not its
});

test("each node has its own wall clock", () => {
  const two = run({ kg_per_kWh_over_time: [[0, 0.1], [10, 0.5]] }, { hosts: ["n0", "n1"], timeline: { wall_s: [0, 2], power: [] } }); // prettier-ignore
  const other = stepped();
  other.node = 1;
  // The second node's clock shows 10 s already when the run's shows 8 s.
  near(footprint(two, [stepped(), other], 0, 20).kg, ((1000 * 0.1 + 3000 * 0.5 + 800 * 0.1 + 3200 * 0.5) / kWh) * 1.5);
});
