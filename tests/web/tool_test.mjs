// SPDX-License-Identifier: BSD-3-Clause
// Pages that the tool itself writes, of made-up sensors whose power is known.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { browser, open, type } from "./browser.mjs";

const folder = mkdtempSync(join(tmpdir(), "perun-page-"));
const perun = (...words) =>
  execFileSync(process.env.PERUN_BIN, words, {
    cwd: folder,
    env: { ...process.env, HOME: folder },
    stdio: ["ignore", "pipe", "pipe"],
    maxBuffer: 1 << 28,
  });
const near = (value, wanted, error, what) =>
  assert.ok(Math.abs(value - wanted) <= error, `${what}: ${value} is not ${wanted} ± ${error}`);
after(() => {
  rmSync(folder, { recursive: true });
  return browser.close();
});

before(() => {
  const sensors = ["--backends", "sim:square:20W:200W:1s,sim:const:50W:domain=gpu:gauge,proc", "-f", "50", "--name", "wave"];
  perun("monitor", ...sensors, "-o", "first.html", "-o", "first.json", "sleep", "3");
  perun("monitor", ...sensors, "--tag", "again", "sleep", "2");
});

test("monitor -o x.html: the curve's integral over a whole period, whatever its phase", async () => {
  const { page, close } = await open(join(folder, "first.html"));
  for (const [from, to] of [
    [0.7, 1.7],
    [1.05, 2.05],
    [0.2, 2.2],
  ]) {
    const seen = await type(page, from, to);
    near(seen.joules, 160 * (to - from), Math.max(2 * seen.error, 1), `${from} to ${to}`);
  }
  const [run] = JSON.parse(readFileSync(join(folder, "first.json"))).runs;
  const all = await type(page, 0, run.duration_s);
  near(all.joules, run.energy_J, 0.002 * run.energy_J, "whole run");
  assert.ok(
    all.error > 0.4 * run.uncertainty_J && all.error < 2.5 * run.uncertainty_J,
    `${all.error} beside ${run.uncertainty_J}`,
  );
  assert.match(await page.locator("#small").innerText(), /Utilisation/);
  await close();
});

test("a grid's series: the page folds it as the report does, also later, from what is stored", async () => {
  const [run] = JSON.parse(readFileSync(join(folder, "first.json"))).runs;
  const begin = Date.parse(run.begin) / 1000;
  const series = (name, title, rows) =>
    writeFileSync(join(folder, name), `time,${title}\n${rows.map(([t, v]) => `${(begin + t).toFixed(3)},${v}\n`).join("")}`);
  series("grid.csv", "gCO2e/kWh", [[-3600, 100], [0.8, 700], [1.7, 300], [3600, 0]]); // prettier-ignore
  series("price.csv", "EUR/MWh", [[-3600, -50], [1.4, 400], [3600, 0]]); // prettier-ignore
  const number = String(run.number);
  const factors = ["--emissions-factor", "grid.csv", "--price-factor", "price.csv", "--overhead-power", "30"];
  perun("report", "results/wave.hdf5", "--run", number, ...factors, "-o", "series.html", "-o", "series.json");
  perun("postprocess", "results/wave.hdf5", ...factors);
  perun("report", "results/wave.hdf5", "--run", number, "-o", "stored.html");
  const { footprint } = JSON.parse(readFileSync(join(folder, "series.json"))).runs[0];
  for (const name of ["series.html", "stored.html"]) {
    const { page, close } = await open(join(folder, name));
    const all = await type(page, 0, run.duration_s);
    near(all.grams, 1000 * footprint.co2e_kg, 0.002 * all.grams, `CO2e of ${name}`);
    near(all.cent, footprint.cost_cent, 0.002 * Math.abs(all.cent) + 1e-6, `cost of ${name}`);
    assert.match((await type(page, 0.9, 1.3)).text, /CO2e \(partly estimated\) at 700 g\/kWh, .* at -5\.000 ct\/kWh/);
    await close();
  }
});

test("report --format html: several runs in one page, and the history of all", async () => {
  perun("report", "results/wave.hdf5", "--run", "all", "-o", "all.html");
  const { page, close } = await open(join(folder, "all.html"));
  assert.match(await page.locator("#called").innerText(), /again/);
  assert.equal(await page.locator("#past tbody tr").count(), 2);
  await page.locator("#run").selectOption({ label: "run 0" });
  assert.equal(await page.locator("#called").isVisible(), false);
  near((await type(page, 0.7, 1.7)).joules, 160, 3, "of the run that was chosen");
  await close();
  assert.match(perun("report", "results/wave.hdf5", "--format", "html").toString(), /^<!DOCTYPE html>/);
});

test("too many readings are thinned out, and energies stay what they were", async () => {
  const sensor = ["--backends", "sim:sine:20W:200W:300ms", "-f", "1000", "--name", "many"];
  perun("monitor", ...sensor, "sleep", "3");
  perun("report", "results/many.hdf5", "-o", "many.html");
  perun("report", "results/many.hdf5", "-o", "few.html", "--html-max-samples", "1000");
  const measured = [];
  for (const name of ["many", "few"]) {
    const { page, close } = await open(join(folder, `${name}.html`));
    measured.push(await type(page, 0.5, 2.5));
    assert.equal(await page.getByText("not each is in this page").count(), name === "few" ? 1 : 0);
    await close();
  }
  near(measured[1].joules, measured[0].joules, measured[1].error, "thinned");
  assert.ok(measured[1].error < 0.02 * measured[1].joules);
});

test("a run in progress can be looked at", async () => {
  const shell = `"$PERUN_BIN" monitor --backends sim:const:100W -f 20 --data_out running sh -c 'sleep 1.5; "$PERUN_BIN" report --running running -o now.html'`;
  const { status, stderr } = spawnSync("sh", ["-c", shell], {
    cwd: folder,
    env: { ...process.env, HOME: folder },
    encoding: "utf8",
  });
  assert.equal(status, 0, stderr);
  const { page, close } = await open(join(folder, "now.html"));
  assert.equal(await page.locator("#ending").innerText(), "running");
  near((await type(page, 0.5, 1)).joules, 50, 1, "so far");
  await close();
});

test("a name that cannot be written is told before the program runs", () => {
  const { status, stderr } = spawnSync(process.env.PERUN_BIN, ["monitor", "-o", "/nowhere/x.html", "true"], {
    cwd: folder,
    encoding: "utf8",
  });
  assert.equal(status, 125);
  assert.match(stderr, /cannot write \/nowhere\/x\.html/);
});
