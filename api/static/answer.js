// One answer as it comes in: its words, how sure it is, the passage it stands in, and the passages that were read.

import { Problem } from "./client.js";
import { errorNote, fileName, fill, h, openHref, percent, place, plural } from "./dom.js";
import { inside } from "./inside.js";
import { render } from "./prose.js";

const NEAREST = 3; // passages shown open when there is no answer

export class AnswerView {
  constructor(answer, evidence, question) {
    this.answer = answer;
    this.below = evidence;
    this.question = question;
    this.said = h("p", { class: "said streaming" });
    this.evidence = [];
    this.over = false;
  }

  wait() {
    this.answer.setAttribute("aria-busy", "true");
    fill(this.answer, h("p", { class: "waiting" }, "Looking for passages…"));
    fill(this.below);
  }

  /** Takes one event of the stream. */
  on(name, data) {
    if (name === "evidence") this.read(data.evidence);
    else if (name === "token") this.say(data.text);
    else if (name === "citation") fill(this.below, passage(data, this.evidence, this.question));
    else if (name === "answer") this.conclude(data);
    else if (name === "error") throw new Problem(data.detail, data.status);
  }

  read(evidence) {
    this.evidence = evidence;
    fill(this.answer, h("p", { class: "waiting" }, `Reading ${plural(evidence.length, "passage")}…`));
  }

  say(text) {
    if (!this.said.isConnected) fill(this.answer, this.said);
    this.said.append(text);
  }

  conclude(answer) {
    this.over = true;
    this.said.classList.remove("streaming");
    if (answer.abstained) this.decline(answer);
    else this.affirm(answer);
    this.answer.setAttribute("aria-busy", "false");
  }

  affirm(answer) {
    this.said.textContent = answer.answer;
    fill(this.answer, this.said, sureness(answer.confidence, "likely that your materials answer this"));
    const rest = answer.evidence.filter((item) => !answer.citations.some((citation) => holds(item, citation)));
    if (!answer.verified) fill(this.below, unverified()); // else the cited passage stands there, and perhaps has the keyboard
    this.below.append(...[others(rest, this.question), telling(answer)].filter(Boolean));
  }

  decline(answer) {
    const note =
      answer.confidence < 0.5
        ? "None of the passages nearest to your question seems to answer it, so nothing is claimed."
        : "The passages nearest to your question may answer it, but not surely enough to claim anything. Judge for yourself.";
    fill(
      this.answer,
      h("p", { class: "said" }, "Not in your materials"),
      h("p", { class: "declined-note" }, note),
      sureness(answer.confidence, "likely that they hold the answer"),
    );
    fill(this.below, nearest(answer.evidence, this.question), telling(answer));
  }

  /** The stream has ended; without an answer that is a failure. */
  end() {
    if (!this.over) this.fail(new Problem("the connection was lost before the answer was complete; ask again"));
  }

  stopped() {
    this.answer.setAttribute("aria-busy", "false");
    fill(this.answer, h("p", { class: "waiting" }, "Stopped."));
    fill(this.below);
  }

  fail(error) {
    this.answer.setAttribute("aria-busy", "false");
    fill(this.answer, errorNote(error));
    fill(this.below);
  }
}

const holds = (item, citation) =>
  item.document_id === citation.document_id && item.start <= citation.start && citation.end <= item.end;

/** The passage that a citation stands in, its words marked; the words alone when the passage is not among those read. */
function passage(citation, evidence, question) {
  const item = evidence.find((each) => holds(each, citation));
  const range = item && { start: citation.start - item.start, end: citation.end - item.start };
  const text = item ? render(item.text, item.path, range) : [h("mark", {}, citation.quote)];
  const where = [fileName(citation.path), place(citation)].filter(Boolean).join(", ");
  const look = item && inside(question, item);
  return h(
    "figure",
    { class: "passage" },
    h(
      "header",
      {},
      h("span", { class: "title" }, citation.title),
      h("span", { class: "place", title: citation.path }, where),
    ),
    h("blockquote", { class: "prose", tabIndex: 0, "aria-label": "Cited passage" }, ...text),
    h(
      "footer",
      {},
      h("span", { class: "verified" }, h("span", { "aria-hidden": "true" }, "✓"), "found word for word in the document"),
      look?.button,
      h("a", { class: "open", href: openHref(citation.document_id, citation.start, citation.end) }, "Open at the place"),
    ),
    look?.panel,
  );
}

function unverified() {
  return h("p", { class: "error" }, "The words could not be found again in the stored document. It may have changed; ask again.");
}

function sureness(confidence, what) {
  const meter = h("meter", { min: 0, max: 1, value: confidence, "aria-label": "Probability" });
  return h("div", { class: "sureness" }, meter, h("span", {}, h("strong", {}, percent(confidence)), ` ${what}`));
}

/** The other passages that were read, folded away. */
function others(evidence, question) {
  if (evidence.length === 0) return null;
  const summary = h("summary", {}, plural(evidence.length, "other passage was read", "other passages were read"));
  return h("details", { class: "others" }, summary, h("ul", {}, ...evidence.map((item) => entry(item, question, false))));
}

/** The passages nearest to a question that was not answered, the first of them open. */
function nearest(evidence, question) {
  const items = evidence.map((item, i) => entry(item, question, i < NEAREST));
  return h("section", { class: "others" }, h("h2", {}, "Nearest passages"), h("ul", {}, ...items));
}

function entry(item, question, open) {
  const score = h("span", { class: "score" }, `score ${item.score.toFixed(2)}`);
  const link = h("a", { class: "open", href: openHref(item.document_id, item.start, item.end) }, "Open at the place");
  const title = h("span", { class: "title", title: item.path }, item.title);
  const text = h("blockquote", { class: "prose" }, ...render(item.text, item.path));
  const look = inside(question, item);
  const doors = h("p", { class: "doors" }, link, look.button);
  return h("li", {}, h("details", { open }, h("summary", {}, title, score), text, doors, look.panel));
}

function telling({ question, asked, model, evidence, timings_ms: times }) {
  const seconds = (times.total / 1000).toFixed(2);
  const said = asked === question.trim() ? "" : ` and was asked “${asked}”`;
  return h("p", { class: "telling" }, `${model} read ${plural(evidence.length, "passage")} in ${seconds} s${said}`);
}
