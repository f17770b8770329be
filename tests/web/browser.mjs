// SPDX-License-Identifier: BSD-3-Clause
// Opens pages in Debian's Chromium and holds each to what all must keep: no request, no error, no complaint.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import axe from "axe-core";
import { chromium } from "playwright-core";

const executablePath = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
export const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });

/** Opens a file and waits until it is ready; `options` as for a browser context. */
export async function open(file, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const seen = { requests: [], complaints: [] };
  page.on("request", (request) => seen.requests.push(request.url().replace(/#.*/, "")));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) seen.complaints.push(message.text());
  });
  page.on("pageerror", (error) => seen.complaints.push(String(error)));
  // What is written on canvases is no element that could be asked for its size.
  await page.addInitScript(() => {
    window.smallest = Infinity;
    const { fillText } = CanvasRenderingContext2D.prototype;
    CanvasRenderingContext2D.prototype.fillText = function (...words) {
      window.smallest = Math.min(window.smallest, (parseFloat(this.font) * this.getTransform().d) / devicePixelRatio);
      return fillText.apply(this, words);
    };
  });
  const begin = performance.now();
  await page.goto(`file://${file}`);
  if (options.javaScriptEnabled !== false) await page.waitForSelector("html[data-ready]", { timeout: 60000 });
  return {
    page,
    ready_s: (performance.now() - begin) / 1000,
    async close() {
      assert.deepEqual(seen.requests, [new URL(`file://${file.replace(/#.*/, "")}`).href], "the page itself is all that is loaded");
      assert.deepEqual(seen.complaints, []);
      await context.close();
    },
  };
}

/** What the selection below the chart says, as numbers. */
export async function span(page) {
  return page.$eval(".span", (panel) => ({
    joules: Number(panel.dataset.joules),
    error: Number(panel.dataset.error),
    grams: Number(panel.dataset.grams),
    cent: Number(panel.dataset.cent),
    from: panel.querySelectorAll("input")[0].valueAsNumber,
    to: panel.querySelectorAll("input")[1].valueAsNumber,
    text: panel.querySelector("#span").textContent,
  }));
}

export async function type(page, from, to) {
  const [a, b] = await page.$$(".span input");
  await a.fill(String(from));
  await b.fill(String(to));
  await b.press("Enter");
  await b.evaluate((input) => input.blur());
  return span(page);
}

/** Drags over the chart, from and to as parts of its width. */
export async function drag(page, from, to) {
  const box = await page.locator("#chart .u-over").boundingBox();
  const y = box.y + box.height / 2,
    x = (part) => box.x + part * box.width;
  await page.mouse.move(x(from), y);
  await page.mouse.down();
  await page.mouse.move(x((from + to) / 2), y, { steps: 4 });
  await page.mouse.move(x(to), y, { steps: 4 });
  await page.mouse.up();
  return span(page);
}

/** What axe finds. */
export async function faults(page) {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 120)).join(" | ")}`);
}

/** Elements whose text is below 12 px. */
export const smallText = (page) =>
  page.evaluate(() => {
    const found = new Set();
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const { parentElement } = walker.currentNode;
      if (!walker.currentNode.textContent.trim() || !parentElement.checkVisibility() || parentElement.closest("script, style"))
        continue;
      if (parseFloat(getComputedStyle(parentElement).fontSize) < 12) found.add(parentElement.outerHTML.slice(0, 100));
    }
    return [...found];
  });

/** By how many pixels the page is wider than the screen. */
export const wide = (page) => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
