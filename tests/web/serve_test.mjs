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
  const report = () => page.frames().find((frame) => frame !== page.mainFrame() && frame.url().includes("/report"));
  await report().locator("#ending").waitFor();
  assert.equal(await report().locator("#ending").innerText(), "running");
  await page.locator("#now").click();
  await until("loads", 2);
  assert.ok(requests.every((url) => url.startsWith(new URL(address).origin)), requests.join("\n"));
  assert.deepEqual(complaints, []);
});
