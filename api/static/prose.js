// A document's extracted text as it reads best: Markdown's blocks each in their own way, everything else line by line.
// No character is lost or changed, so the marked words together are the quote; markup is shown, not interpreted.

import { h } from "./dom.js";

const FENCE = /^\s*(```|~~~)/;
const MATH = /^\s*\$\$/;
const MATH_END = /\$\$\s*$/;
const KINDS = [
  ["heading", /^#{1,6}\s/],
  ["table", /^\s*\|/],
  ["item", /^\s*([-*+]|\d+[.)])\s/],
  ["code", /^(\t| {4})/],
];
const SIGN = /^#{1,6}\s+/;

/** The text as elements; the characters [start, end) of `range`, counted in code points, stand in <mark>. */
export function render(text, path, range = null) {
  const [start, end] = range === null ? [0, 0] : units(text, range);
  return blocks(text, path).map((block) => element(text, block, start, end));
}

/** Offsets in UTF-16 units, which JavaScript counts in, of a range in code points, which the service counts in. */
function units(text, { start, end }) {
  const points = Array.from(text);
  const before = points.slice(0, start).join("").length;
  return [before, before + points.slice(start, end).join("").length];
}

function blocks(text, path) {
  if (/\.(md|markdown)$/i.test(path)) return markdownBlocks(text);
  return [{ kind: /\.py$/i.test(path) ? "code" : "lines", start: 0, end: text.length }];
}

/** Contiguous blocks that make up the whole text; the lines between them are blocks of kind "gap". */
export function markdownBlocks(text) {
  const found = [];
  let closing = null; // what ends the block of code or mathematics that is open
  let start = 0;
  for (const line of text.match(/[^\n]*\n|[^\n]+$/g) ?? []) {
    const last = found.at(-1);
    const end = start + line.length;
    if (closing !== null) {
      last.end = end;
      if (closing.test(line)) closing = null;
    } else {
      const kind = kindOf(line, last);
      if (continues(kind, last)) last.end = end;
      else found.push({ kind, start, end });
      closing = opened(line);
    }
    start = end;
  }
  return found;
}

function kindOf(line, last) {
  if (line.trim() === "") return "gap";
  if (FENCE.test(line)) return "fenced";
  if (MATH.test(line)) return "formula";
  const [kind] = KINDS.find(([, sign]) => sign.test(line)) ?? ["paragraph"];
  const inside = last && (last.kind === "item" || last.kind === "paragraph");
  return kind === "code" && inside ? last.kind : kind; // an indented line goes on with the item above it
}

function continues(kind, last) {
  if (!last) return false;
  if (kind === "paragraph" && last.kind === "item") return true;
  return kind === last.kind && ["gap", "table", "code", "paragraph"].includes(kind);
}

function opened(line) {
  if (FENCE.test(line)) return FENCE;
  return MATH.test(line) && !/\S\s*\$\$\s*$/.test(line) ? MATH_END : null;
}

/** One block, cut where its sign ends and where the marked range begins and ends. */
function element(text, { kind, start, end }, markStart, markEnd) {
  const sign = kind === "heading" ? start + SIGN.exec(text.slice(start, end))[0].length : start;
  const cuts = [start, sign, markStart, markEnd, end].filter((cut) => cut >= start && cut <= end).sort((a, b) => a - b);
  const pieces = cuts.slice(1).map((to, i) => [cuts[i], to]).filter(([from, to]) => from < to);
  const children = pieces.map(([from, to]) => {
    const piece = text.slice(from, to);
    if (from >= markStart && to <= markEnd) return h("mark", { class: piece.trim() === "" ? "blank" : "" }, piece);
    return to <= sign ? h("span", { class: "sign" }, piece) : piece;
  });
  return h("div", { class: kind }, ...children);
}
