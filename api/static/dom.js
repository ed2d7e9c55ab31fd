// Elements from data, and data in words. Text only ever becomes text: nothing here or elsewhere parses HTML.

export const byId = (id) => document.getElementById(id);

/** An element; `props` are its properties (class, href, hidden, onclick, ...), `data-` and `aria-` its attributes. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name === "class") element.className = value;
    else if (/^(data-|aria-|role$)/.test(name)) element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Puts `children` in the place of what the element held. */
export function fill(element, ...children) {
  element.replaceChildren(...children.filter((child) => child !== null && child !== undefined));
}

export const fileName = (path) => path.split(/[/\\]/).pop();

/** Where something stands, in words: "page 3", "lines 4–6", "cell 2, line 1"; empty for formats without places. */
export function place({ page, line_start: first, line_end: last, cell }) {
  const parts = [];
  if (page !== null) parts.push(`page ${page}`);
  if (cell !== null) parts.push(`cell ${cell}`);
  if (first !== null) parts.push(last === null || last === first ? `line ${first}` : `lines ${first}–${last}`);
  return parts.join(", ");
}

export const openHref = (id, start, end) => `#/documents/${encodeURIComponent(id)}?start=${start}&end=${end}`;

export const percent = (p) => (p > 0 && p < 0.01 ? "under 1 %" : p > 0.99 && p < 1 ? "over 99 %" : `${Math.round(p * 100)} %`);

export const plural = (n, one, many = `${one}s`) => `${n.toLocaleString("en")} ${n === 1 ? one : many}`;

export function size(bytes) {
  if (bytes < 1000) return plural(bytes, "byte");
  const units = ["kB", "MB", "GB"];
  let value = bytes / 1000;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

export function date(iso) {
  return new Date(iso).toLocaleDateString(undefined, { year: "numeric", month: "short", day: "numeric" });
}

/** A message as a sentence: first letter capital, a full stop at the end. */
export function sentence(text) {
  const whole = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(whole) ? whole : `${whole}.`;
}

/** What of a document's file is not in its text, in small print; null for one that was read whole. */
export function missing({ notices }) {
  return notices.length === 0 ? null : h("p", { class: "missing" }, `Read in part: ${notices.map(sentence).join(" ")}`);
}

export const errorNote = (error) => h("p", { class: "error", role: "alert" }, sentence(error.message));
