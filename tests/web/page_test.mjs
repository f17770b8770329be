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
  .filter((entry) => !/^(samples|calls)/.test(entry))) {
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

test("10^6 readings and 64 ranks with 10^5 calls open soon", async (t) => {
  for (const [what, count] of [
    ["samples", 1000000],
    ["calls", 100000],
  ]) {
    execFileSync(process.env.PERUN_MAKE_PAGE, [folder, what, String(count)]);
    const { page, ready_s, close } = await open(file(what));
    t.diagnostic(`${count} ${what}: ready after ${ready_s.toFixed(2)} s`);
    assert.ok(ready_s < 20, `${what}: ${ready_s} s`); // 5 s and 3 s on a machine of its own
    if (what === "samples") near((await type(page, 100, 300)).joules, 80000, 0.5, "two periods");
    await close();
  }
});
