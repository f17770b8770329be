// SPDX-License-Identifier: BSD-3-Clause
// node build.mjs WEB_FOLDER UPLOT_FOLDER OUT_FOLDER: puts each page's HTML, style sheets and scripts, and uPlot where there are
// charts, into one file. Its Content-Security-Policy names the script and the style by their hashes and allows nothing else.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [web, uplot, out] = process.argv.slice(2);
const read = (...parts) => readFileSync(join(...parts), "utf8");

// Modules in the order in which they need each other; in a page they are one script.
const pages = {
  page: {
    modules:
      "format dom data choices energy factors theme table groups bar marks time strip span power states gantt history sections main".split(" "),
    styles: ["base", "parts", "charts", "print"],
    marks: ["@TITLE@", "@TEXT@", "@META@", "@DATA@"],
    charts: true,
  },
  compare: {
    modules: ["dom", "theme", "forest", "compare"],
    styles: ["base", "parts", "compare", "print"],
    marks: ["@TITLE@", "@TEXT@", "@META@"],
    charts: false,
  },
};

/** The modules as one text, in which no name may be there twice. */
function bundle(modules) {
  const names = new Map();
  return modules
    .map((name) => {
      const text = read(web, "js", `${name}.js`);
      for (const [, word] of text.matchAll(/^(?:export )?(?:async )?(?:function|const|let|class) (\w+)/gm)) {
        if (names.has(word)) throw new Error(`${name}.js and ${names.get(word)}.js both have ${word}`);
        names.set(word, name);
      }
      for (const [, from] of text.matchAll(/^import [\s\S]*? from "\.\/(\w+)\.js";$/gm))
        if (modules.slice(modules.indexOf(name)).includes(from) || !modules.includes(from))
          throw new Error(`${name}.js needs ${from}.js before it`);
      return text
        .replace(/^import [\s\S]*?;\n/gm, "")
        .replace(/^export /gm, "")
        .replace(/^\/\/ SPDX.*\n/, "");
    })
    .join("\n");
}

const licence = read(uplot, "LICENSE").trim();
const library =
  `/*! uPlot ${JSON.parse(read(uplot, "package.json")).version}\n${licence}\n*/\n` +
  `${read(uplot, "dist", "uPlot.iife.min.js").trim()}\n`;
const hash = (text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

for (const [name, { modules, styles, marks, charts }] of Object.entries(pages)) {
  const script = `${charts ? library : ""}(() => {\n"use strict";\n${bundle(modules)}})();\n`;
  const style =
    (charts ? read(uplot, "dist", "uPlot.min.css") : "") + styles.map((sheet) => read(web, "css", `${sheet}.css`)).join("");
  for (const [what, text] of [
    ["script", script],
    ["style", style],
  ])
    if (new RegExp(`</${what}|<!--`, "i").test(text)) throw new Error(`the ${what} would end its element`);
  const fill = {
    CSP:
      `default-src 'none'; script-src ${hash(script)}; style-src ${hash(style)}; img-src data:; ` +
      "base-uri 'none'; form-action 'none'",
    STYLE: style,
    SCRIPT: script,
    LICENCE: licence,
  };
  const page = read(web, `${name}.html`).replace(/@(CSP|STYLE|SCRIPT|LICENCE)@/g, (_, mark) => fill[mark]);
  for (const mark of marks) if (page.split(mark).length !== 2) throw new Error(`${mark} must stand once in ${name}.html`);
  writeFileSync(join(out, `${name}.html`), page);
}
