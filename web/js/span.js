// SPDX-License-Identifier: BSD-3-Clause
// What a chosen stretch of time cost.
import { co2e, joules, moment, percent, si, tagOf, watts } from "./format.js";
import { el } from "./dom.js";
import { measureAll } from "./energy.js";
import { plainTable } from "./table.js";

/** CO2e of an energy, as the whole run's was computed. */
function carbon(run, energy, seconds) {
  const { pue, kg_per_kWh, overhead_W } = run.factors;
  return ((energy + overhead_W * run.hosts.length * seconds) / 3.6e6) * pue * kg_per_kWh;
}

/** The inputs, the sentence and the table below the chart; `select(from, to)` is told what was typed. */
export function spanPanel(run, length, select) {
  const sentence = el("p", { id: "span", "aria-live": "polite" });
  const devices = el("div", { id: "span-devices" });
  const input = (label) =>
    el("input", { type: "number", min: "0", max: String(length), step: "any", "aria-label": label, onchange: typed });
  const [from, to] = [input("Selection from, seconds"), input("Selection to, seconds")];
  function typed() {
    const a = from.valueAsNumber,
      b = to.valueAsNumber;
    if (a >= 0 && b > a) select(a, Math.min(b, length));
  }
  const clear = el("button", { type: "button", onclick: () => select(null) }, "Clear");
  const panel = el(
    "div",
    { class: "span" },
    el("div", { class: "fields" }, el("span", {}, "Selection"), from, "to", to, "s", clear),
    sentence,
    devices,
  );

  function tell(span, groups) {
    clear.disabled = !span;
    from.value = span ? String(Number(span.from.toFixed(6))) : "";
    to.value = span ? String(Number(span.to.toFixed(6))) : "";
    const counted = groups.filter((group) => group.counted);
    if (!span || counted.length === 0) {
      sentence.textContent = "Drag over the chart, or type two times, to see what that stretch cost.";
      devices.replaceChildren();
      delete panel.dataset.joules;
      return;
    }
    const seconds = span.to - span.from;
    const { joules: energy, error } = measureAll(
      counted.flatMap((group) => group.tracks),
      span.from,
      span.to,
    );
    const measured = run.kind === "measured";
    const plus = (text) => (measured ? ` ± ${text}` : "");
    const carbonOf = carbon(run, energy, seconds),
      share = energy > 0 ? error / energy : 0;
    const carbonPlus = run.footprint_kind === "measured" ? ` ± ${co2e(share * carbonOf, 2)}` : "";
    sentence.replaceChildren(
      `${moment(span.from, 0.001)} to ${moment(span.to, 0.001)} (${si(seconds, "s")}): `,
      el("strong", {}, `${joules(energy)}${plus(si(error, "J", 2))}`),
      `${run.tag}, mean ${watts(energy / seconds)}${plus(si(error / seconds, "W", 2))}, `,
      `${co2e(carbonOf)}${carbonPlus} CO2e${tagOf(run.footprint_kind)}`,
    );
    panel.dataset.joules = String(energy);
    panel.dataset.error = String(error);
    panel.dataset.grams = String(carbonOf * 1000);
    devices.replaceChildren(
      plainTable(
        "Energy of the selection",
        ["Part of the total", "Energy", "±", "Share", "Mean power"],
        counted.map((group) => {
          const part = measureAll(group.tracks, span.from, span.to);
          return [
            group.label + tagOf(group.kind),
            joules(part.joules),
            group.kind === "measured" ? si(part.error, "J", 2) : "",
            energy > 0 ? percent(part.joules / energy) : "",
            watts(part.joules / seconds),
          ];
        }),
      ),
    );
  }
  return { panel, tell };
}
