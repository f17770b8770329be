// SPDX-License-Identifier: BSD-3-Clause
// The page of `perun compare`, of runs whose powers are known.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { browser, faults, open, smallText, wide } from "./browser.mjs";

const folder = mkdtempSync(join(tmpdir(), "perun-compare-"));
const env = { ...process.env, HOME: folder };
const perun = (...words) => execFileSync(process.env.PERUN_BIN, words, { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
const page = join(folder, "c.html");
const odd = "</script><b>\u202e'\"&";
after(() => {
  rmSync(folder, { recursive: true });
  return browser.close();
});

before(() => {
  const region = 'i=0; while [ $i -lt 3 ]; do "$PERUN_BIN" mark begin "$1"; sleep 0.1; "$PERUN_BIN" mark end "$1"; i=$((i+1)); done';
  for (const [name, watts] of [
    ["one", 100],
    ["two", 80],
  ])
    for (const more of [0, 1, 2])
      perun("monitor", "-q", "--name", name, "--backends", `sim:const:${watts + more}W`, "sh", "-c", region, "sh", odd);
  perun("compare", "results/one.hdf5:all", "results/two.hdf5:all", "results/one.hdf5:0", "-o", page, "-o", join(folder, "c.json"));
});

test("the figures are those of the JSON, drawn where they belong", async () => {
  const { page: shown, close } = await open(page);
  const { comparisons } = JSON.parse(readFileSync(join(folder, "c.json")));
  assert.equal(await shown.locator("main > section").count(), comparisons.length);
  const section = shown.locator("main > section").first();
  const { power } = comparisons[0].metrics;
  assert.ok(Math.abs(power.ratio - 81 / 101) < 0.02, String(power.ratio));
  const row = section.locator("tbody").first().locator("tr").nth(2);
  assert.match(await row.innerText(), /Power\s+10[012]\.?\d* W\s+8[012]\.?\d* W\s+0\.(79|80|81)\d\d\s.*% lower/s);
  const place = (selector) => row.locator(selector).evaluate((e) => e.getBoundingClientRect().left + e.getBoundingClientRect().width / 2);
  assert.ok((await place("circle")) < (await place(".same")), "lower is left of no difference");
  assert.equal(await section.locator(".dots circle").count(), 6);
  assert.ok((await section.locator("tbody .group").innerText()).includes("</script>"), "a name is text");
  await close();
});

test("no request, no error, readable by all, on any screen, safe against names", async () => {
  const text = readFileSync(page, "utf8");
  assert.match(text, /content="default-src 'none'; script-src 'sha256-[^']+'; style-src 'sha256-[^']+'/);
  assert.equal(text.match(/<script\b/g).length, 2, "no name became an element");
  for (const colorScheme of ["light", "dark"]) {
    const { page: shown, close } = await open(page, { colorScheme });
    assert.deepEqual(await faults(shown), [], colorScheme);
    assert.deepEqual(await smallText(shown), []);
    assert.equal(await wide(shown), 0);
    await close();
  }
  const small = await open(page, { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2 });
  assert.equal(await wide(small.page), 0, "nothing is wider than a telephone");
  await small.close();
  const bare = await open(page, { javaScriptEnabled: false });
  assert.match(await bare.page.locator("noscript pre").innerText(), /B compared with A/);
  await bare.close();
});
