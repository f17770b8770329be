// SPDX-License-Identifier: BSD-3-Clause
// Numbers as the text report writes them (src/base/units.cpp, src/report/wording.cpp).

const prefixes = ["p", "n", "u", "m", "", "k", "M", "G", "T", "P"];

export function significant(value, digits = 4) {
  if (!Number.isFinite(value)) return "n/a";
  if (value === 0) return "0";
  const places = digits - 1 - Math.floor(Math.log10(Math.abs(Number(value.toPrecision(digits)))));
  return places >= 0 ? value.toFixed(Math.min(places, 100)) : String(Number(value.toPrecision(digits)));
}

/** 2146.7e3 J is "2.147 MJ". */
export function si(value, unit, digits = 4) {
  if (!Number.isFinite(value)) return "n/a";
  if (value === 0) return `0 ${unit}`;
  const rounded = Math.abs(Number(value.toPrecision(digits)));
  const step = Math.min(Math.max(Math.floor(Math.log10(rounded) / 3 + 1e-9), -4), 5);
  return `${significant(value / 1000 ** step, digits)} ${prefixes[step + 4]}${unit}`;
}

export const joules = (value) => si(value, "J");

/** Whole watts up to 10 kW. */
export function watts(value, digits = 4) {
  const size = Math.abs(value);
  return size >= 1 && size < 9999.5 ? `${significant(value, digits)} W` : si(value, "W", digits);
}

export const co2e = (kg, digits = 4) => (Math.abs(kg) < 999.95 ? si(kg * 1000, "g", digits) : si(kg / 1000, "t", digits));

export function cost(cent, digits = 4) {
  if (Math.abs(cent) >= 99.995) {
    const euro = cent / 100;
    return `${Math.abs(euro) < 999.95 ? euro.toFixed(2) : significant(euro, digits)} EUR`;
  }
  const tiny = cent !== 0 && Math.abs(cent) < 1e-4;
  return `${tiny ? cent.toExponential(digits - 1).replace(/e([+-])(\d)$/, "e$10$2") : significant(cent, digits)} ct`;
}

export const percent = (share) => `${(share * 100).toFixed(1)} %`;

/** A moment of the run on an axis whose neighbours are `step` seconds away: "12.5 s", "1:02:03". */
export function moment(seconds, step = 1) {
  let places = 0;
  while (places < 6 && Math.abs(step * 10 ** places - Math.round(step * 10 ** places)) > 1e-6 * step * 10 ** places) ++places;
  const sign = seconds < 0 ? "-" : "";
  let rest = Math.abs(seconds);
  if (rest < 120) return `${sign}${rest.toFixed(places)} s`;
  const hours = Math.floor(rest / 3600);
  rest -= hours * 3600;
  const minutes = Math.floor(rest / 60);
  rest -= minutes * 60;
  const two = (n, digits = 0) => n.toFixed(digits).padStart(digits > 0 ? digits + 3 : 2, "0");
  return hours > 0 ? `${sign}${hours}:${two(minutes)}:${two(rest, places)}` : `${sign}${minutes}:${two(rest, places)}`;
}

/** What stands behind a figure that was not measured. */
export const tagOf = (kind) => ({ estimated: " (estimated)", mixed: " (partly estimated)" })[kind] ?? "";
