// SPDX-License-Identifier: BSD-3-Clause
// What the reader chose, kept behind the "#" of the page's address: loaded anew, or sent to somebody, it shows the same.

const stateKeys = /^(run|zoom|span|chart|by|region|device|sort-\w+)$/;
const betweenWrites_ms = 200; // browsers complain of pages that change their address all the time

const readState = () => new Map([...new URLSearchParams(location.hash.slice(1))].filter(([key]) => stateKeys.test(key)));

export class Choices {
  #values = readState();
  #waiting = null;
  #written_ms = -betweenWrites_ms;

  /** `changed()` is told when somebody else chose: by an address typed in, or a page around this one. */
  constructor(changed) {
    addEventListener("hashchange", () => {
      const values = readState();
      if (values.size === 0 && location.hash.length > 1) return; // a link within the page
      this.#values = values;
      changed();
    });
  }
  get(key) {
    return this.#values.get(key) ?? null;
  }
  /** Two ascending numbers, as from "1.5,2"; null when it is anything else. */
  pair(key) {
    const [from, to, ...more] = (this.get(key) ?? "").split(",").map(Number);
    return to > from && from >= 0 && Number.isFinite(to) && more.length === 0 ? { from, to } : null;
  }
  /** Null or an empty text: nothing was chosen. */
  set(key, value) {
    if (value === null || value === "") this.#values.delete(key);
    else this.#values.set(key, String(value));
    clearTimeout(this.#waiting);
    const wait = this.#written_ms + betweenWrites_ms - performance.now();
    if (wait <= 0) this.#write();
    else this.#waiting = setTimeout(() => this.#write(), wait);
  }
  setPair(key, span) {
    this.set(key, span && `${Number(span.from.toFixed(6))},${Number(span.to.toFixed(6))}`);
  }
  /** Forgets all but how tables are sorted: they were of another run. */
  forget() {
    for (const key of [...this.#values.keys()]) if (!key.startsWith("sort-")) this.#values.delete(key);
  }
  #write() {
    this.#written_ms = performance.now();
    const hash = new URLSearchParams([...this.#values]).toString();
    if (hash === location.hash.slice(1)) return;
    try {
      history.replaceState(null, "", `${location.pathname}${location.search}${hash && `#${hash}`}`);
    } catch {
      /* a page within a page may not: then only for now */
    }
  }
}
