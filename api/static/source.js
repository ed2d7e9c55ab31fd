// The source view: a document's extracted text, opened at the cited words.

import * as client from "./client.js";
import { byId, date, errorNote, fileName, fill, h, missing, place, plural, size } from "./dom.js";
import { render } from "./prose.js";

const EXTENT = 20_000; // characters shown on either side of the place; more on demand
const view = byId("source");
let turn = 0;

export async function show(id, start, end) {
  const mine = (turn += 1);
  fill(view, topLine());
  try {
    const about = await client.documentOf(id);
    const range = clamp(start, end, about.n_chars);
    const sheet = new Sheet(about, range);
    const cited = await sheet.load();
    if (mine !== turn) return; // the reader has gone on to another place
    const title = h("h1", { id: "source-title", tabIndex: -1 }, about.title);
    fill(view, topLine(about, cited), title, particulars(about), missing(about), sheet.element);
    sheet.arrive(title);
    document.title = `${about.title} – studygpt`;
  } catch (error) {
    if (!(error instanceof client.Problem)) throw error;
    if (mine === turn) fill(view, topLine(), errorNote(error));
  }
}

/** The range inside the text; null when the address names none. */
function clamp(start, end, nChars) {
  if (start === null || end === null || start >= end || end > nChars) return null;
  return { start, end };
}

/** The way back and the place, which stay in sight while the text is scrolled. */
function topLine(about = null, cited = null) {
  const answered = byId("answer").childElementCount > 0;
  const back = answered
    ? h("a", { class: "back", href: "#/" }, "← Back to the answer")
    : h("a", { class: "back", href: "#/documents" }, "← All documents");
  const where = cited === null ? "" : [fileName(about.path), place(cited)].filter(Boolean).join(", ");
  return h("p", { class: "topline" }, back, h("span", {}, where));
}

function particulars(about) {
  return h(
    "p",
    { class: "particulars" },
    h("span", { title: about.path }, fileName(about.path)),
    h("span", {}, size(about.size_bytes)),
    h("span", {}, plural(about.n_chunks, "passage")),
    h("span", {}, `added ${date(about.indexed_at)}`),
    h("a", { href: client.contentHref(about.document_id) }, "Download the original"),
  );
}

/** A part of the text around the place, which grows on demand at either end. */
class Sheet {
  constructor(about, range) {
    this.id = about.document_id;
    this.path = about.path;
    this.nChars = about.n_chars;
    this.range = range;
    this.from = Math.max(0, (range?.start ?? 0) - EXTENT);
    this.to = Math.min(this.nChars, (range?.end ?? 0) + EXTENT);
    this.text = h("div", { class: "prose" });
    this.earlier = this.button("Show what comes before", () => this.grow("earlier"));
    this.later = this.button("Show what comes after", () => this.grow("later"));
    this.element = h("article", { class: "sheet", "aria-label": "Extracted text" }, this.earlier, this.text, this.later);
  }

  /** Fetches the text; gives the place of the cited words in the file, or null. */
  async load() {
    const { start, end } = this.range ?? { start: this.from, end: this.from };
    const [before, cited, after] = await Promise.all([
      client.textOf(this.id, this.from, start),
      this.range ? client.textOf(this.id, start, end) : null,
      client.textOf(this.id, end, this.to),
    ]);
    const range = this.range && { start: start - this.from, end: end - this.from };
    fill(this.text, ...render(before.text + (cited?.text ?? "") + after.text, this.path, range));
    this.limits();
    return cited;
  }

  /** Brings the place into view, and the keyboard with it. */
  arrive(title) {
    const mark = this.text.querySelector("mark");
    if (mark) mark.tabIndex = -1;
    (mark ?? title).focus({ preventScroll: true });
    if (mark) mark.scrollIntoView({ block: "center" });
    else window.scrollTo(0, 0);
  }

  async grow(side) {
    const [start, end] =
      side === "earlier" ? [Math.max(0, this.from - EXTENT), this.from] : [this.to, Math.min(this.nChars, this.to + EXTENT)];
    const { text } = await client.textOf(this.id, start, end);
    if (side === "earlier") this.text.prepend(...render(text, this.path));
    else this.text.append(...render(text, this.path));
    this.from = Math.min(this.from, start);
    this.to = Math.max(this.to, end);
    this.limits();
  }

  limits() {
    this.earlier.hidden = this.from === 0;
    this.later.hidden = this.to === this.nChars;
  }

  button(words, onclick) {
    return h("p", { class: "more" }, h("button", { type: "button", class: "quiet", onclick }, words));
  }
}
