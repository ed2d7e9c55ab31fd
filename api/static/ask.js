// The ask view: the question, examples that the indexed notes answer, and the run of one answer.

import { AnswerView } from "./answer.js";
import * as client from "./client.js";
import { byId, fileName, fill, h } from "./dom.js";

// Shown only when the note that answers it is indexed.
const EXAMPLES = [
  ["bigram_model.md", "What does a bigram model predict the next token from?"],
  ["self_attention.md", "Why are the scores divided by the square root of the head size?"],
  ["multi_head_attention.md", "What does the KV cache store?"],
  ["fine_tuning.md", "What does LoRA freeze?"],
  ["from_logits_to_text.pdf", "Which tokens does top-k sampling keep?"],
];

const STOP_AFTER_MS = 600; // a second click of a double click must not stop what the first has begun

const form = byId("ask-form");
const input = byId("question");
const button = form.querySelector("button");
let running = null;

export function show() {
  if (!form.hidden && window.matchMedia("(hover: hover)").matches) input.focus({ preventScroll: true });
}

/** What there is to ask about: the form, or what to do first; collections to choose from; examples that fit. */
export function setMaterials(nDocuments, collections, documents) {
  byId("empty").hidden = nDocuments > 0;
  form.hidden = nDocuments === 0;
  const names = new Set(documents.map((each) => fileName(each.path)));
  const fitting = EXAMPLES.filter(([name]) => names.has(name)).map(([, question]) => question);
  fill(byId("examples").querySelector("ul"), ...fitting.map(example));
  byId("examples").hidden = fitting.length === 0 || byId("answer").childElementCount > 0;
  offerCollections(collections);
}

function example(question) {
  const onclick = () => {
    input.value = question;
    form.requestSubmit();
  };
  return h("li", {}, h("button", { type: "button", onclick }, question));
}

function offerCollections(collections) {
  const select = byId("collection");
  const chosen = select.value;
  const all = h("option", { value: "" }, "all collections");
  fill(select, all, ...collections.map(({ name }) => h("option", { value: name }, name)));
  select.value = collections.some(({ name }) => name === chosen) ? chosen : "";
  byId("scope").hidden = collections.length < 2;
}

async function run(question) {
  const stopping = new AbortController();
  const view = new AnswerView(byId("answer"), byId("evidence"), question);
  running?.abort();
  running = stopping;
  byId("examples").hidden = true;
  const offerStop = setTimeout(() => (button.textContent = "Stop"), STOP_AFTER_MS);
  view.wait();
  try {
    const body = { question, collection: byId("collection").value || null };
    for await (const { name, data } of client.ask(body, stopping.signal)) view.on(name, data);
    view.end();
  } catch (error) {
    if (running !== stopping) return; // another question took its place
    if (error.name === "AbortError") view.stopped();
    else if (error instanceof client.Problem) view.fail(error);
    else throw error;
  } finally {
    clearTimeout(offerStop);
    if (running === stopping) {
      running = null;
      button.textContent = "Ask";
    }
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (running !== null && event.submitter === button && button.textContent === "Stop") running.abort();
  else if (input.value.trim() !== "") run(input.value.trim());
});

input.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  if (form.reportValidity()) form.requestSubmit();
});
