// SPDX-License-Identifier: BSD-3-Clause
// node check_commands.mjs SOURCE_DIR PERUN: what the commands print as JSON is valid by its schema, and spoilt copies are not.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Ajv from "ajv/dist/2020.js";

const [source, perun] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "perun-schema-"));
const run = (...words) => execFileSync(perun, words, { cwd: folder, maxBuffer: 1 << 26, stdio: ["ignore", "pipe", "ignore"] }).toString();

let failed = 0, checked = 0;
const check = (schema, text, spoilt) => {
  const file = join(source, "share/schema", schema);
  const valid = new Ajv({ strict: true, strictRequired: false, allowUnionTypes: true, allErrors: true }).compile(JSON.parse(readFileSync(file, "utf8")));
  checked += 1;
  if (!valid(JSON.parse(text))) { console.error(`${schema}: ${JSON.stringify(valid.errors, null, 2)}`); failed += 1; }
  for (const spoil of spoilt) {
    const copy = JSON.parse(text);
    spoil(copy);
    if (valid(copy)) { console.error(`${schema}: accepted, but must not be: ${spoil}`); failed += 1; }
  }
};

try {
  run("-q", "monitor", "--backends", "sim:const:100W,proc", "-f", "50", "--name", "x", "--tag", "a", "true");
  run("-q", "monitor", "--backends", "proc", "--no-estimate", "--name", "x", "true");
  check("runs-1.json", run("runs", "--json"), [
    (d) => { d.schema = "perun-runs/2"; },
    (d) => { d.files[0].runs[0].number = -1; },
    (d) => { delete d.files[0].runs[0].kind; },
    (d) => { d.files[0].runs[0].begin = "yesterday"; },
    (d) => { d.files[0].extra = 1; },
  ]);
  check("data-1.json", run("export", "results/x.hdf5", "--format", "json"), [
    (d) => { d.schema = "perun-data/2"; },
    (d) => { delete d.runs[0].nodes[0].sensors[0].raw; },
    (d) => { d.runs[0].nodes[0].sensors[0].raw[0] = 1.5; },
    (d) => { d.runs[0].nodes[0].sensors[0].kind = "guessed"; },
    (d) => { d.runs[0].begin = [1]; },
    (d) => { d.runs[0].cwd = { hex: "0g" }; },
    (d) => { d.runs[0].outcome.extra = 1; },
  ]);
  check("compare-1.json", run("compare", "results/x.hdf5:0", "results/x.hdf5:1", "results/x.hdf5:0", "--fail-if", "time>+900%", "--allow-missing", "-f", "json"), [
    (d) => { d.schema = "perun-compare/2"; },
    (d) => { d.sides.length = 1; },
    (d) => { d.comparisons[0].metrics.time.ratio = null; },
    (d) => { d.comparisons[0].metrics.energy.verdict = "higher"; },
    (d) => { delete d.comparisons[0].metrics.edp; },
    (d) => { d.comparisons[0].metrics.time.interval.push(1); },
    (d) => { d.gates[0].result = "skipped"; },
    (d) => { d.sides[0].runs[0].extra = 1; },
  ]);
  check("report-1.json", run("report", "results/x.hdf5", "--run", "all", "--format", "json"), []);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(`${checked} documents, ${failed} failures`);
process.exit(failed > 0 || checked !== 4 ? 1 : 0);
