// SPDX-License-Identifier: BSD-3-Clause
// Elements by hand. Text is only ever set as text, so that no name in it can become markup.

export const $ = (id) => document.getElementById(id);

/** el("td", {class: "number", onclick: f}, "text", child ...). */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

/** A name from elsewhere: its direction of writing ends with it. */
export const name = (text) => el("bdi", {}, text);

/** Shows `section` with what `fill` makes, or hides it when that is nothing. */
export function show(section, place, content) {
  $(section).hidden = !content;
  $(place).replaceChildren(...(content ? [content].flat() : []));
}

/** A choice of several as one group of buttons; `choose` is told the value. */
export function choice(label, options, chosen, choose) {
  const buttons = options.map(([value, text]) =>
    el(
      "button",
      {
        type: "button",
        "aria-pressed": String(value === chosen),
        onclick: () => {
          for (const [i, button] of buttons.entries()) button.setAttribute("aria-pressed", String(options[i][0] === value));
          choose(value);
        },
      },
      text,
    ),
  );
  return el("div", { class: "choice", role: "group", "aria-label": label }, ...buttons);
}

/** Something that is made when it is first opened. */
export function folded(title, make) {
  const details = el("details", {}, el("summary", {}, title));
  details.addEventListener("toggle", () => {
    if (!details.open) return;
    details.replaceChildren(details.firstElementChild, make());
  });
  return details;
}
