// Inside the reader, for one passage: where it would point after each layer, which words its answer rests on, and where a
// token looks. What is shown is the whole prompt, token by token, as the model sees it.

import * as client from "./client.js";
import { errorNote, fill, h, percent } from "./dom.js";

const VIEWS = {
  answer: [
    "The answer, layer by layer",
    "Were it to answer after this layer: the left half of a token is as bright as the answer is likely to begin there, the right " +
      "half as it is likely to end there. The last sign stands for “not in this passage”. Underlined tokens stand in the " +
      "question and in the passage, which a mark on each tells the model.",
  ],
  words: [
    "What it rests on",
    "Each word was hidden in turn and the passage read again. Bright words made the model surer of its best span, red ones less sure; " +
      "point at a word for its number.",
  ],
  attention: [
    "Where a token looks",
    "Choose a token, by a click or with the arrow keys: the brighter another one, the more the chosen one takes from it in this " +
      "layer and head.",
  ],
};
const FULL_EFFECT = 4; // nats from which on a word is as bright as can be: e^4 times as likely against "not in this passage"
const LEAST = 0.001; // of probability, for a span to be listed

/** A button, and the panel that it opens, for a passage that was read for the question. */
export function inside(question, { document_id, start, end }) {
  const panel = h("section", { class: "inside", hidden: true, "aria-label": "Inside the reader" });
  const button = h("button", { type: "button", class: "quiet look", "aria-expanded": "false" }, "Look inside");
  let isLoaded = false;
  button.onclick = async () => {
    panel.hidden = !panel.hidden;
    button.setAttribute("aria-expanded", String(!panel.hidden));
    if (isLoaded || panel.hidden) return;
    isLoaded = true;
    const asked = { question, document_id, start, end };
    fill(panel, h("p", { class: "waiting", role: "status" }, "Reading it once without each of its words…"));
    try {
      new Glass(panel, asked, await client.inspect(asked));
    } catch (error) {
      if (!(error instanceof client.Problem)) throw error;
      isLoaded = false;
      fill(panel, errorNote(error));
    }
  };
  return { button, panel };
}

class Glass {
  constructor(panel, asked, seen) {
    this.asked = asked;
    this.seen = seen;
    this.layer = seen.first.length - 1;
    this.head = 0; // of all heads together
    this.token = seen.spans[0]?.first ?? seen.tokens.length - 1;
    this.looks = null;
    this.effects = effects(seen);
    this.tabs = Object.entries(VIEWS).map(([name, [title]]) =>
      h("button", { type: "button", class: "quiet", "data-view": name, onclick: () => this.show(name) }, title),
    );
    this.meaning = h("p", { class: "fine" });
    this.controls = h("p", { class: "controls" });
    this.chips = seen.tokens.map((token, i) => this.chip(token, i));
    this.prompt = h(
      "div",
      { class: "prompt", role: "group", "aria-label": "The prompt, token by token", onkeydown: (event) => this.move(event) },
      ...lines(seen.tokens, this.chips),
    );
    this.said = h("p", { class: "fine told", role: "status" });
    const tabs = h("div", { class: "tabs", role: "group", "aria-label": "What to look at" }, ...this.tabs);
    fill(panel, tabs, this.meaning, this.controls, this.prompt, this.said, spans(seen, this.chips));
    this.show("answer");
  }

  chip(token, i) {
    const isSign = token.part === "sign";
    const text = isSign ? token.text.replace(/[<|>]/g, "") : token.text;
    return h("span", { class: isSign ? "token sign" : "token", "data-shared": token.shared, onclick: () => this.choose(i) }, text);
  }

  show(name) {
    this.view = name;
    for (const tab of this.tabs) tab.setAttribute("aria-pressed", String(tab.dataset.view === name));
    this.meaning.textContent = VIEWS[name][1];
    this.prompt.dataset.view = name;
    this.prompt.tabIndex = name === "attention" ? 0 : -1;
    this.offer();
    if (name === "attention" && this.looks?.token !== this.token) this.choose(this.token);
    else this.paint();
  }

  /** The layer, and the head, to look at. */
  offer() {
    const { length } = this.seen.first;
    const change = (event) => {
      this.layer = Number(event.target.value) - 1;
      this.paint();
    };
    const slider = h("input", { type: "range", min: 1, max: length, step: 1, oninput: change });
    slider.value = this.layer + 1; // after its bounds
    this.number = h("output");
    const layer = h("label", {}, this.view === "attention" ? "in layer" : "after layer", slider, this.number);
    fill(this.controls, this.view === "words" ? null : layer, this.view === "attention" ? this.heads() : null);
  }

  heads() {
    const n = this.looks?.weights[0].length ?? 0;
    const names = ["all heads", ...Array.from({ length: n }, (_, i) => `head ${i + 1}`)];
    const onchange = (event) => {
      this.head = Number(event.target.value);
      this.paint();
    };
    const select = h("select", { onchange, "aria-label": "Head" }, ...names.map((name, value) => h("option", { value }, name)));
    select.value = this.head;
    return select;
  }

  async choose(token) {
    if (this.view !== "attention") return;
    this.token = token;
    this.chips.forEach((chip, i) => chip.classList.toggle("chosen", i === token));
    try {
      const looks = await client.attention({ ...this.asked, token });
      if (this.token !== token) return; // another one was chosen meanwhile
      this.looks = looks;
      this.offer();
      this.paint();
    } catch (error) {
      if (!(error instanceof client.Problem)) throw error;
      fill(this.said, errorNote(error));
    }
  }

  move(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const next = this.token + (step ?? 0);
    if (this.view !== "attention" || !step || next < 0 || next >= this.chips.length) return;
    event.preventDefault();
    this.choose(next);
  }

  paint() {
    const isAttention = this.view === "attention";
    if (this.number) this.number.textContent = ` ${this.layer + 1} of ${this.seen.first.length}`;
    this.chips.forEach((chip, i) => chip.classList.toggle("chosen", isAttention && i === this.token));
    if (isAttention && this.looks === null) return;
    const [values, told] = { answer: pointer, words: rests, attention: attention }[this.view](this);
    values.forEach(({ left, right = left, title, bad = false }, i) => {
      const chip = this.chips[i];
      chip.style.setProperty("--left", `${(100 * left).toFixed(1)}%`);
      chip.style.setProperty("--right", `${(100 * right).toFixed(1)}%`);
      chip.classList.toggle("bad", bad);
      chip.title = title;
    });
    this.said.textContent = told;
  }
}

/** The prompt's three lines: question, passage, question again. */
function lines(tokens, chips) {
  const starts = tokens.flatMap((token, i) => (token.part === "sign" && i < tokens.length - 1 ? [i] : []));
  return starts.map((start, n) => h("p", {}, ...chips.slice(start, starts[n + 1] ?? chips.length)));
}

/** The effect of each token's word; a word of the question has one in both places. */
function effects({ tokens, words }) {
  const found = new Array(tokens.length).fill(0);
  const again = tokens.length - 1 - tokens.findIndex((token, i) => i > 0 && token.part === "sign"); // its second place, from the end
  for (const { first, last, effect } of words) {
    for (let i = first; i <= last; i += 1) {
      found[i] = effect;
      if (tokens[i].part === "question") found[i + again] = effect;
    }
  }
  return found;
}

function pointer({ seen, layer }) {
  const [first, last] = [seen.first[layer], seen.last[layer]];
  const title = (i) => `begins here: ${percent(first[i])}, ends here: ${percent(last[i])}`;
  const values = first.map((left, i) => ({ left, right: last[i], title: title(i) }));
  const [begin, end] = [highest(first), highest(last)];
  const name = (i) => (i === first.length - 1 ? "“not in this passage”" : `“${seen.tokens[i].text.trim()}”`);
  return [values, `After layer ${layer + 1} it would begin at ${name(begin)} (${percent(first[begin])}) and end at ${name(end)} (${percent(last[end])}).`];
}

function rests({ seen, effects: found }) {
  const title = (effect) => `${effect >= 0 ? "+" : "−"}${Math.abs(effect).toFixed(2)} nats`;
  const values = found.map((effect) => ({ left: Math.min(1, Math.abs(effect) / FULL_EFFECT), bad: effect < 0, title: title(effect) }));
  const best = [...seen.words].sort((a, b) => b.effect - a.effect).slice(0, 3);
  const word = ({ first, last }) => `“${textOf(seen.tokens, first, last)}” in the ${seen.tokens[first].part}`;
  const answer = seen.spans.length > 0 ? `“${textOf(seen.tokens, seen.spans[0].first, seen.spans[0].last)}”` : "It";
  return [values, `${answer} rests most on ${best.map((each) => `${word(each)} (${title(each.effect)})`).join(", ")}.`];
}

function attention({ seen, looks, layer, head, token }) {
  const heads = looks.weights[layer];
  const weights = head > 0 ? heads[head - 1] : heads[0].map((_, t) => heads.reduce((sum, each) => sum + each[t], 0) / heads.length);
  const most = Math.max(...weights);
  const values = weights.map((weight) => ({ left: weight / most, title: `takes ${percent(weight)} from here` }));
  const at = highest(weights);
  const name = (i) => `“${seen.tokens[i].text.replace(/[<|>]/g, "").trim()}”`;
  return [values, `${name(token)} takes most from ${name(at)}: ${percent(weights[at])}.`];
}

const textOf = (tokens, first, last) => tokens.slice(first, last + 1).map(({ text }) => text).join("").trim();

const highest = (numbers) => numbers.indexOf(Math.max(...numbers));

/** The best spans and "not in this passage", by probability. */
function spans({ spans: found, tokens, nothing }) {
  const told = found.filter(({ probability }, i) => i === 0 || probability >= LEAST);
  const rows = [...told.map((span) => [`“${textOf(tokens, span.first, span.last)}”`, span.probability]), ["not in this passage", nothing]];
  rows.sort((a, b) => b[1] - a[1]);
  const row = ([name, p]) => h("tr", {}, h("td", {}, name), h("td", {}, h("meter", { min: 0, max: 1, value: p })), h("td", { class: "score" }, percent(p)));
  return h("table", {}, h("caption", {}, "The best of all spans, at the end"), h("tbody", {}, ...rows.map(row)));
}
