// SPDX-License-Identifier: BSD-3-Clause
// node check.mjs SCHEMA REPORT.json...: every report must be valid, and each of the spoilt copies below must not.
import { readFileSync } from "node:fs";
import Ajv from "ajv/dist/2020.js";

const [schemaFile, ...reports] = process.argv.slice(2);
const load = (file) => JSON.parse(readFileSync(file, "utf8"));
const valid = new Ajv({ strict: true, strictRequired: false, allowUnionTypes: true, allErrors: true }).compile(load(schemaFile));

let failed = 0;
const fail = (text) => { console.error(text); failed += 1; };

for (const file of reports)
  if (!valid(load(file))) fail(`${file}: ${JSON.stringify(valid.errors, null, 2)}`);

const spoilt = [
  ["another schema", (d) => { d.schema = "perun-report/2"; }],
  ["an unknown key", (d) => { d.extra = 1; }],
  ["an unknown key in a run", (d) => { d.runs[0].energy = 1; }],
  ["no energy", (d) => { delete d.runs[0].energy_J; }],
  ["no kind", (d) => { delete d.runs[0].kind; }],
  ["no kind of a device", (d) => { delete d.runs[0].nodes[0].devices[0].kind; }],
  ["a made-up kind", (d) => { d.runs[0].kind = "guessed"; }],
  ["a mixed device", (d) => { d.runs[0].nodes[0].devices[0].kind = "mixed"; }],
  ["a mixed sum without its parts", (d) => { delete d.runs[0].measured_J; }],
  ["parts in a sum that is not mixed", (d) => { d.runs[0].kind = "measured"; }],
  ["a number as text", (d) => { d.runs[0].energy_J = "12"; }],
  ["a figure that is not available yet there", (d) => { d.total.kind = "unavailable"; }],
  ["null where something was measured", (d) => { d.runs[0].power_mean_W = null; }],
  ["negative energy", (d) => { d.runs[0].energy_J = -1; }],
  ["local time", (d) => { d.runs[0].begin = "2026-11-22 18:04:11"; }],
  ["three bounds", (d) => { d.runs[0].bounds_J.push(1); }],
  ["a share above one", (d) => { d.runs[0].nodes[0].devices[0].share = 100; }],
  ["an unknown caveat", (d) => { d.runs[0].notes[0].caveat = "bad_luck"; }],
  ["an exit code that no shell knows", (d) => { d.runs[0].outcome.exit_code = 256; }],
  ["a node without devices", (d) => { delete d.runs[0].nodes[0].devices; }],
];
const base = reports.find((file) => file.endsWith("mixed.json"));
if (!base) fail("mixed.json must be among the reports: the spoilt copies are made from it");
else
  for (const [what, spoil] of spoilt) {
    const copy = load(base);
    spoil(copy);
    if (valid(copy)) fail(`accepted, but must not be: ${what}`);
  }

console.log(`${reports.length} reports, ${spoilt.length} spoilt copies, ${failed} failures`);
process.exit(failed > 0 || reports.length === 0 ? 1 : 0);
