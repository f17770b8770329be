// SPDX-License-Identifier: BSD-3-Clause
// What the page shows and does, on the made-up runs of make_page.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { after, test } from "node:test";
import { browser, drag, faults, open, smallText, span, type, wide } from "./browser.mjs";

const folder = `${process.cwd()}/pages`;
const file = (name) => `${folder}/${name}.html`;
const near = (value, wanted, error, what) =>
  assert.ok(Math.abs(value - wanted) <= error, `${what}: ${value} is not ${wanted} ± ${error}`);
after(() => browser.close());

for (const name of readdirSync(folder)
  .filter((entry) => entry.endsWith(".html"))
  .map((entry) => entry.slice(0, -5))
  .filter((entry) => !/^(samples|calls|names)/.test(entry))) {
  test(`${name}: no request, no error, readable by all, on any screen`, async () => {
    const text = readFileSync(file(name), "utf8");
    assert.match(
      text,
      /http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'sha256-[^']+'; style-src 'sha256-[^']+'; img-src data:; base-uri 'none'/,
    );
    assert.equal(text.match(/<script\b/g).length, 3, "no name became an element");
    for (const colorScheme of ["light", "dark"]) {
      const { page, close } = await open(file(name), { colorScheme });
      await page.$$eval("details", (all) => {
        for (const details of all) details.open = true;
      });
      assert.deepEqual(await faults(page), [], colorScheme);
      assert.deepEqual(await smallText(page), []);
      assert.ok((await page.evaluate(() => window.smallest)) >= 12, "text of canvases");
      assert.equal(await wide(page), 0, "nothing is wider than the screen");
      await close();
    }
    const { page, close } = await open(file(name), { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2 });
    assert.equal(await wide(page), 0, "nothing is wider than a telephone");
    assert.ok((await page.evaluate(() => window.smallest)) >= 12, "text of canvases on a fine screen");
    await close();
  });
}

test("a stretch of the chart costs what the known power gives", async () => {
  const { page, close } = await open(file("measured"));
  // Socket 0: 100 W until 1 s, then 300 W; socket 1: 50 W; DRAM 12 and 11 W.
  let seen = await type(page, 0.5, 1.5);
  near(seen.joules, 273, Math.max(seen.error, 0.5), "typed");
  near(seen.grams, (seen.joules / 3.6e6) * 1.58 * 355, 1e-9, "CO2e");
  assert.match(seen.text, /273\.\d J ± .* J, mean 273\.\d W ± .* g|mg/);
  seen = await drag(page, 0.5, 0.9);
  near(seen.to - seen.from, 1.2, 0.02, "length");
  near(seen.joules, 373 * (seen.to - seen.from), Math.max(seen.error, 0.5), "dragged");
  // All of it is what the report says.
  seen = await type(page, 0, 3);
  near(seen.joules, 919, 0.05, "whole run");
  near(seen.error, 0.37, 0.12, "its interval");
  assert.equal(await page.locator("#span-devices tbody tr").count(), 2);
  await page.getByRole("button", { name: "Clear" }).click();
  assert.match((await span(page)).text, /Drag over the chart/);
  await close();
});

test("a stretch under factors that change: each joule by the factor of its time", async () => {
  // With what is assumed 200 W for a second, then 400 W. 0.1 kg/kWh, not known from 0.5 s, 0.5 from 1 s, 0.2 from 2 s;
  // -20 ct/kWh, 40 from 1.5 s. The mean of what is known: (100 J x 0.1 + 400 J x 0.5 + 400 J x 0.2) / 900 J.
  const mean = (10 + 200 + 80) / 900,
    facility = 1.58 / 3.6e6;
  const { page, close } = await open(file("factors"));
  let seen = await type(page, 0.25, 1.75);
  near(seen.grams, 1000 * facility * (50 * 0.1 + 100 * mean + 300 * 0.5), 1e-3 * seen.grams, "CO2e");
  near(seen.cent, facility * ((150 + 200) * -20 + 100 * 40), 1e-5, "cost");
  assert.match(seen.text, /g CO2e \(partly estimated\) at 416 g\/kWh, -0\.00131\d ct \(partly estimated\) at -6\.6\d+ ct\/kWh$/);
  seen = await type(page, 1, 2);
  near(seen.grams, 1000 * facility * 400 * 0.5, 1e-3 * seen.grams, "one value");
  // All of it is what the report computed.
  seen = await type(page, 0, 3);
  near(seen.grams, 1000 * facility * 1000 * mean, 1e-3 * seen.grams, "whole run");
  await page.locator("#devices-table").getByRole("button", { name: "cpu:1 package" }).click();
  const device = await type(page, 1, 2);
  near(device.grams, 1000 * facility * 50 * 0.5, 1e-3 * device.grams, "one device, without what is assumed for others");
  assert.doesNotMatch(device.text, /estimated/);
  const card = (label) => page.locator(".card", { has: page.getByRole("heading", { name: label, exact: true }) }).innerText();
  assert.ok((await card("CO2e")).includes(`${(1000 * seen.grams).toFixed(1)} mg`), await card("CO2e"));
  assert.match(await card("CO2e"), /at 322 g\/kWh \(mean of grid\.csv over the run's energy\)/);
  assert.ok((await card("Cost")).includes(`${seen.cent.toPrecision(4)} ct`), `${await card("Cost")} beside ${seen.cent}`);
  await close();
});

test("the score and all that follows from energy have their formula, numbers and sources", async () => {
  const { page, close } = await open(file("factors"));
  const rows = Object.fromEntries(
    (await page.locator("#formulas tbody tr").allInnerTexts()).map((line) => [line.split("\t")[0], line.split("\t").slice(1)]),
  );
  assert.deepEqual(rows.Assumed, ["O = power × time of the nodes, for parts without a sensor", "27.00 W × 3.000 s = 81.00 J", "command line"]);
  assert.match(rows["With PUE"].join(), /^W = \(E \+ O\) × PUE,\(919\.0 J \+ 81\.00 J assumed\) × 1\.580 = 438\.9 mWh \(partly estimated\),default$/);
  // 2500 kg x 3 s / (5 x 365.25 x 86400 s) x 0.5
  const embodied = (2500e3 * 3 * 0.5) / (5 * 365.25 * 86400),
    co2e = ((1.58 * 1000) / 3.6e6) * (1000 * (290 / 900));
  assert.deepEqual(rows.Embodied, [
    "M = CO2e of making a node × time of the nodes / lifespan × share",
    `2.500 t × 3.000 s / 5 years × 0.5 = ${(1000 * embodied).toFixed(2)} mg`,
    "command line; lifespan: default; share: command line",
  ]);
  const [formula, numbers, source] = rows.SCI;
  assert.deepEqual([formula, source], ["SCI = (CO2e + M) / R", "ISO/IEC 21031:2024"]);
  const [, run, unit] = numbers.match(/= ([\d.]+) mg \(partly estimated\); .* \/ 10\.00 rows = ([\d.]+) mg/);
  near(Number(run), 1000 * (co2e + embodied), 0.1, "per run");
  near(Number(unit), 100 * (co2e + embodied), 0.01, "per row");
  assert.match(await page.locator(".card", { hasText: "SCI" }).innerText(), /SCI\s+165\.\d mg.*per rows/s);
  await close();
});

test("the scale becomes logarithmic by button and key, and is then of lines", async () => {
  const { page, close } = await open(file("measured"));
  const pressed = (name) => page.getByRole("button", { name, exact: true }).getAttribute("aria-pressed");
  await page.locator("#log").click();
  assert.deepEqual([await pressed("Log scale"), await pressed("Lines"), await pressed("Stacked")], ["true", "true", "false"]);
  // The 150 W of the first second, on a scale from 20 to 437 W: two thirds up; from 0 to 367 W less than half.
  const height = () =>
    page.$eval("#chart canvas", (canvas) => {
      const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
      copy.drawImage(canvas, 0, 0);
      const { data } = copy.getImageData(Math.round(0.2 * canvas.width), 0, 1, canvas.height);
      for (let y = 0; y < canvas.height; ++y)
        if (Math.hypot(data[4 * y] - 0x00, data[4 * y + 1] - 0x72, data[4 * y + 2] - 0xb2) < 40) return 1 - y / canvas.height;
      return NaN;
    });
  const log = await height();
  await page.locator("#chart .plot").focus();
  await page.keyboard.press("l");
  assert.equal(await pressed("Log scale"), "false");
  assert.ok(log > (await height()) + 0.15, `${log} beside ${await height()}`);
  await page.keyboard.press("L");
  await page.getByRole("button", { name: "Stacked", exact: true }).click();
  assert.equal(await pressed("Log scale"), "false");
  await close();
});

test("what is chosen stands in the address, and a page loaded anew shows it again", async () => {
  const { page, close } = await open(file("measured"));
  await type(page, 0.5, 1.5);
  await page.locator("#chart .plot").focus();
  for (const key of ["+", "+", "l"]) await page.keyboard.press(key);
  await page.locator("#devices-table").getByRole("button", { name: "Energy" }).click();
  await page.locator("#devices-table").getByRole("button", { name: "cpu:1 package" }).click();
  await page.waitForFunction(() => location.hash.includes("device="));
  const hash = await page.evaluate(() => location.hash);
  assert.equal(decodeURIComponent(hash), "#span=0.5,1.5&zoom=0.54,2.46&chart=log&sort-devices=1,down&device=0/rapl:package-1");
  const again = await open(`${file("measured")}${hash}`);
  assert.equal((await span(again.page)).text, (await span(page)).text);
  near((await drag(again.page, 0.001, 0.999)).to, 2.46, 0.01, "the zoom");
  assert.equal(await again.page.locator("#devices-table th[aria-sort=descending]").innerText(), "Energy");
  assert.match(await again.page.locator("#devices-table tr.chosen").innerText(), /cpu:1 package/);
  assert.deepEqual(await again.page.locator("#chart .keys button").allInnerTexts(), ["cpu:1 package"]);
  await again.close();
  // Whatever else stands there is nothing.
  for (const bad of ["#span=9,1", "#zoom=-1,NaN&span=1e9,2e9&sort-devices=99,down&device=</script>&chart=x&run=7", "#power", "#%"]) {
    const odd = await open(`${file("measured")}${bad}`);
    near((await drag(odd.page, 0.001, 0.999)).to, 3, 0.05, bad);
    await odd.close();
  }
  await close();
});

test("the wheel zooms, a double click shows the whole run, keys do both", async () => {
  const { page, close } = await open(file("measured"));
  const shown = async () => {
    const { from, to } = await drag(page, 0.001, 0.999);
    return to - from;
  };
  near(await shown(), 3, 0.05, "at first");
  const over = page.locator("#chart .u-over"),
    box = await over.boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  for (let i = 0; i < 5; ++i) await page.mouse.wheel(0, -100);
  await page.waitForTimeout(100);
  near(await shown(), 3 * 0.8 ** 5, 0.05, "after the wheel");
  await over.dblclick();
  await page.waitForTimeout(100);
  near(await shown(), 3, 0.05, "after the double click");
  await page.locator("#chart .plot").focus();
  for (const key of ["+", "+", "ArrowRight"]) await page.keyboard.press(key);
  await page.waitForTimeout(100);
  near(await shown(), 3 * 0.64, 0.05, "after keys");
  await page.locator("#chart .plot").focus();
  await page.keyboard.press("0");
  await page.keyboard.press("Escape");
  for (let i = 0; i < 4; ++i) await page.keyboard.press("Shift+ArrowRight");
  const { from, to } = await span(page);
  assert.deepEqual([from, to], [1.5, 2.1]);
  await close();
});

test("tables sort, and their rows choose in the chart", async () => {
  const { page, close } = await open(file("measured"));
  const first = () => page.locator("#devices-table tbody tr:first-child th").innerText();
  await page.locator("#devices-table").getByRole("button", { name: "Energy" }).click();
  assert.equal(await first(), "cpu:0 package");
  assert.equal(await page.locator("#devices-table th[aria-sort=descending]").count(), 1);
  await page.locator("#devices-table").getByRole("button", { name: "Energy" }).click();
  assert.equal(await first(), "cpu:1 dram");
  await page.locator("#devices-table").getByRole("button", { name: "cpu:1 package" }).click();
  assert.deepEqual(await page.locator("#chart .keys button").allInnerTexts(), ["cpu:1 package"]);
  near((await type(page, 1, 2)).joules, 50, 0.2, "of the chosen device");
  await page.locator("#devices-table").getByRole("button", { name: "cpu:1 package" }).click();
  assert.deepEqual(await page.locator("#chart .keys button").allInnerTexts(), ["CPU", "DRAM"]);
  await close();
});

test("regions are drawn, told and chosen", async () => {
  const { page, close } = await open(file("regions"));
  const canvas = page.locator("#gantt canvas"),
    { width } = await canvas.boundingBox();
  await canvas.hover({ position: { x: 86 + (width - 86) / 2, y: 34 + 3 + 5 } });
  assert.match(
    await page.locator("#gantt .readout").innerText(),
    /rank 0, process 4711, thread 4711 on gpu07 at 1\.50\d s: train, 1\.90 s/,
  );
  const pixels = () => page.$eval("#gantt canvas", (canvas) => canvas.toDataURL());
  const before = await pixels();
  await page.locator("#regions-table").getByRole("button", { name: "step" }).click();
  assert.notEqual(await pixels(), before);
  assert.equal(await page.locator("#regions-table tr.chosen").count(), 1);
  await page.locator("#gantt summary").click();
  // The table is made when it opens, which the browser tells a moment later.
  await page.waitForFunction(() => document.querySelectorAll("#gantt tbody tr").length === 4);
  await close();
});

test("dark and light follow the system and the button", async () => {
  const { page, close } = await open(file("measured"), { colorScheme: "dark" });
  const shade = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  assert.equal(await shade(), "rgb(17, 20, 23)");
  await page.locator("#theme").click();
  assert.equal(await shade(), "rgb(246, 247, 249)");
  await close();
});

test("estimates are marked wherever they stand", async () => {
  const { page, close } = await open(file("estimated"));
  for (const card of await page.locator(".card.estimated .value").allInnerTexts()) assert.match(card, /\(estimated\)/);
  assert.equal(await page.locator(".card.estimated").count(), 5);
  assert.match(await page.locator("#devices-table tbody").innerText(), /\(estimated\)/);
  const seen = await type(page, 10, 20);
  near(seen.joules, 452, 0.5, "a stretch");
  assert.match(seen.text, /452\.0 J \(estimated\), mean 45\.20 W, .* CO2e \(estimated\)/);
  assert.doesNotMatch(seen.text, /±/);
  await close();
});

test("without readings there is no chart, and it is said", async () => {
  for (const name of ["no_samples", "one_sample", "all_gaps", "no_timeline", "unavailable"]) {
    const { page, close } = await open(file(name));
    assert.match(await page.locator("#chart").innerText(), /No power was read|There are no readings/, name);
    if (name !== "no_timeline") assert.match(await page.locator(".card").first().innerText(), /n\/a/, name);
    await close();
  }
});

test("names stay names", async () => {
  const { page, close } = await open(file("hostile"));
  assert.match(await page.title(), /^<\/script><script>/);
  assert.equal(await page.evaluate(() => document.querySelectorAll("img, iframe, object").length), 0);
  assert.match(await page.locator("#app").innerText(), /pwned/);
  near((await type(page, 1.5, 2.5)).joules, 373, 0.5, "the chart has all devices");
  await close();
});

test("the history marks this run", async () => {
  const { page, close } = await open(file("measured"));
  assert.equal(await page.locator("#past tbody tr").count(), 5);
  assert.match(await page.locator("#past tr.current").innerText(), /919\.0 J/);
  assert.equal(await page.locator("#past rect.current").count(), 1);
  await close();
});

test("without JavaScript the text report is there; printing hides what cannot be pressed", async () => {
  let { page, close } = await open(file("measured"), { javaScriptEnabled: false });
  assert.match(await page.locator("noscript pre, pre").first().innerText(), /Energy {4}919\.0 J \+- 370 mJ/);
  await close();
  ({ page, close } = await open(file("measured")));
  await page.emulateMedia({ media: "print" });
  assert.equal(await page.locator("#chart .tools").isVisible(), false);
  assert.equal(await page.locator("#chart canvas").isVisible(), true);
  await close();
});

test("10^6 readings, 64 ranks with 10^5 calls, and 10^5 regions open soon", async (t) => {
  for (const [what, count, most_s] of [
    ["samples", 1000000, 5],
    ["calls", 100000, 3],
    ["names", 100000, 5],
  ]) {
    execFileSync(process.env.PERUN_MAKE_PAGE, [folder, what, String(count)]);
    const { page, ready_s, close } = await open(file(what));
    // Others may have the machine: what the page took of a processor is what it would have taken alone.
    const devtools = await page.context().newCDPSession(page);
    await devtools.send("Performance.enable");
    const { metrics } = await devtools.send("Performance.getMetrics");
    const cpu_s = metrics.find(({ name }) => name === "ProcessTime").value;
    t.diagnostic(`${count} ${what}: ready after ${ready_s.toFixed(2)} s, ${cpu_s.toFixed(2)} s of a processor`);
    assert.ok(cpu_s > 0.05 && cpu_s < most_s, `${what}: ${cpu_s} s of a processor`);
    assert.ok(ready_s < 6 * most_s, `${what}: ${ready_s} s`);
    if (what === "names") assert.match(await page.locator("#regions").innerText(), /Show all \d+ rows\s+\d+ more rows are not in this page/);
    if (what === "samples") near((await type(page, 100, 300)).joules, 80000, 0.5, "two periods");
    await close();
  }
});
