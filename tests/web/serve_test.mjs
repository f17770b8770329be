// SPDX-License-Identifier: BSD-3-Clause
// The page of `perun serve`: it follows by itself, and asks nobody but its server.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { browser } from "./browser.mjs";

const folder = mkdtempSync(join(tmpdir(), "perun-serve-"));
const sensors = "sim:square:20W:200W:1s,sim:const:50W:domain=gpu:gauge,proc";
const server = spawn(process.env.PERUN_BIN, ["serve", "--live", "--listen", "127.0.0.1:0", "-f", "20", "--backends", sensors], {
  cwd: folder,
  env: { ...process.env, HOME: folder },
  stdio: ["ignore", "pipe", "inherit"],
});
const address = await new Promise((found) => server.stdout.once("data", (text) => found(String(text).trim())));
after(async () => {
  server.kill("SIGINT");
  await new Promise((ended) => server.once("exit", ended));
  rmSync(folder, { recursive: true });
  await browser.close();
});

test("the running figures grow, and the report is loaded anew", async () => {
  const page = await (await browser.newContext({ viewport: { width: 1280, height: 900 } })).newPage();
  const requests = [],
    complaints = [];
  page.on("request", (request) => requests.push(request.url()));
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.goto(address, { waitUntil: "commit" });
  const seen = (name) => page.evaluate((key) => Number(document.body.dataset[key] ?? 0), name);
  const until = async (name, count) => {
    for (let i = 0; i < 600 && (await seen(name)) < count; ++i) await page.waitForTimeout(100);
    assert.ok((await seen(name)) >= count, `${name}: ${await seen(name)} of ${count}`);
  };
  await until("events", 3);
  assert.match(await page.locator("#status").innerText(), /\d s +[\d.]+ W +[\d.]+ k?J +[\d.]+ m?g CO2e/);
  await until("loads", 1);
  const report = () => page.frameLocator("iframe:not([hidden])");
  await report().locator("#ending").waitFor();
  assert.equal(await report().locator("#ending").innerText(), "running");
  // What is chosen stays while the report goes on; the first ones may be of a moment only.
  let loads = 1;
  const anew = async () => {
    await page.locator("#now").click();
    await until("loads", ++loads);
  };
  while (Number(await report().locator(".span input").first().getAttribute("max")) < 1) await anew();
  const [a, b] = await report().locator(".span input").all();
  await a.fill("0.25");
  await b.fill("0.75");
  await b.press("Enter");
  await report().locator("#chart .plot").focus();
  for (const key of ["+", "+", "l"]) await page.keyboard.press(key);
  await report().locator("#devices-table").getByRole("button", { name: "Mean" }).click();
  await report().locator("#formulas").scrollIntoViewIfNeeded();
  const state = async () => {
    await page.waitForTimeout(400); // the address is written a moment later
    return report().locator("html").evaluate(() => ({
      span: [...document.querySelectorAll(".span input")].map((input) => input.value),
      address: location.hash,
      log: document.querySelector("#log").getAttribute("aria-pressed"),
      sorted: document.querySelector("#devices-table th[aria-sort]")?.innerText,
      scrolled: scrollY,
    })); // prettier-ignore
  };
  const before = await state();
  assert.match(decodeURIComponent(before.address), /^#span=0\.25,0\.75&zoom=[\d.]+,[\d.]+&chart=log&sort-devices=4,down$/);
  assert.deepEqual([before.log, before.sorted, before.scrolled > 0], ["true", "Mean", true]);
  await anew();
  assert.deepEqual(await state(), before);
  // A choice that is made while the new report is being loaded is not lost.
  await page.locator("#now").click();
  await report().getByRole("button", { name: "Clear" }).click();
  await until("loads", ++loads);
  assert.deepEqual((await state()).span, ["", ""]);
  assert.doesNotMatch((await state()).address, /span/);
  assert.ok(requests.every((url) => url.startsWith(new URL(address).origin)), requests.join("\n"));
  assert.deepEqual(complaints, []);
});
