// SPDX-License-Identifier: BSD-3-Clause
// What a chosen stretch of time cost.
import { co2e, cost, joules, moment, percent, si, significant, tagOf, watts } from "./format.js";
import { el } from "./dom.js";
import { measureAll } from "./energy.js";
import { assumed, footprint } from "./factors.js";
import { plainTable } from "./table.js";

/** " at 312 g/kWh" where the factor is another at another time. */
const at = (steps, value, digits, unit) => (steps.length > 0 ? ` at ${significant(value, digits)} ${unit}` : "");

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
    const tracks = counted.flatMap((group) => group.tracks);
    const { joules: energy, error } = measureAll(tracks, span.from, span.to);
    const kinds = new Set(counted.map((group) => group.kind));
    const kind = kinds.size > 1 ? "mixed" : counted[0].kind;
    const costKind = kind === "measured" && assumed(run, tracks) > 0 ? "mixed" : kind;
    const measured = kind === "measured";
    const plus = (text) => (measured ? ` ± ${text}` : "");
    const costs = footprint(run, tracks, span.from, span.to);
    const share = costs.joules > 0 ? error / costs.joules : 0;
    const per = (text) => (costKind === "measured" ? ` ± ${text}` : "");
    const { kg_per_kWh_over_time: emissions, ct_per_kWh_over_time: prices } = run.factors;
    sentence.replaceChildren(
      `${moment(span.from, 0.001)} to ${moment(span.to, 0.001)} (${si(seconds, "s")}): `,
      el("strong", {}, `${joules(energy)}${plus(si(error, "J", 2))}`),
      `${tagOf(kind)}, mean ${watts(energy / seconds)}${plus(si(error / seconds, "W", 2))}, `,
      `${co2e(costs.kg)}${per(co2e(share * costs.kg, 2))} CO2e${tagOf(costKind)}`,
      `${at(emissions, costs.kg_per_kWh * 1000, 3, "g/kWh")}, `,
      `${cost(costs.cent)}${per(cost(share * Math.abs(costs.cent), 2))}${tagOf(costKind)}`,
      at(prices, costs.ct_per_kWh, 4, "ct/kWh"),
    );
    panel.dataset.joules = String(energy);
    panel.dataset.error = String(error);
    panel.dataset.grams = String(costs.kg * 1000);
    panel.dataset.cent = String(costs.cent);
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
