// Files on their way in: chosen or dropped, sent one after the other, then followed until they are indexed.

import * as client from "./client.js";
import { byId, fill, h, missing, sentence, size } from "./dom.js";

const KEPT = 8; // finished uploads that stay in view
const STAGES = { scan: "Opening", read: "Reading", embed: "Indexing", commit: "Saving" };
const zone = byId("drop");
const input = byId("files");
const log = byId("uploads");
const LOOK_MS = 2000;
const known = new Set(); // jobs that have a line, or had ended when they were first seen
let looked = false;
let limit = Infinity;
let queue = Promise.resolve();

export function setLimit(bytes) {
  limit = bytes;
  byId("limit").textContent = `, up to ${Math.round(bytes / 2 ** 20)} MiB each`;
}

/** One file's line in the log. */
class Line {
  constructor(name) {
    this.stage = h("span", { class: "stage" }, "Waiting");
    this.bar = h("progress", { max: 1, value: 0, "aria-label": `Progress of ${name}` });
    this.row = h("div", { class: "row" }, h("span", { class: "name", title: name }, name), this.stage);
    this.item = h("li", {}, this.row, this.bar);
    log.prepend(this.item);
    [...log.querySelectorAll(".done, .failed")].slice(KEPT).forEach((old) => old.remove());
  }

  at(words, part) {
    this.stage.textContent = words;
    if (part === null) this.bar.removeAttribute("value");
    else this.bar.value = part;
  }

  end(state, words, reason = null) {
    this.item.className = state;
    this.stage.textContent = words;
    fill(this.item, this.row, reason === null ? null : h("p", { class: "reason" }, sentence(reason)));
  }

  added(document) {
    this.end("done", document.notices.length > 0 ? "Added in part" : "Added");
    this.item.append(missing(document) ?? "");
  }
}

async function send(file, line) {
  if (file.size > limit) {
    line.end("failed", "Not added", `this file has ${size(file.size)}; the limit is ${Math.round(limit / 2 ** 20)} MiB`);
    return;
  }
  try {
    const job = await client.upload(file, (part) => line.at(`Sending ${Math.round(part * 100)} %`, part));
    line.at("Waiting for its turn", null);
    known.add(job.id);
    const ended = await client.follow(job, (now) => progress(now, line));
    if (ended.state === "done") line.added(ended.document);
    else line.end("failed", "Not added", ended.reason);
  } catch (error) {
    if (!(error instanceof client.Problem)) throw error;
    line.end("failed", "Not added", error.message);
  }
  document.dispatchEvent(new Event("uploaded"));
  document.dispatchEvent(new Event("materials"));
}

/** Shows what others have the service do, such as the changes of a watched folder. */
async function lookAtJobs() {
  if (document.hidden || byId("documents").hidden) return;
  const fresh = (await client.jobs()).filter((job) => job.state !== "queued" && !known.has(job.id));
  for (const job of fresh) known.add(job.id);
  const running = fresh.filter((job) => job.state === "running");
  await Promise.all(running.map((job) => attend(job, new Line(job.name))));
  if (looked && fresh.length > 0) {
    document.dispatchEvent(new Event("uploaded"));
    document.dispatchEvent(new Event("materials"));
  }
  looked = true;
}

async function attend(job, line) {
  const ended = await client.follow(job, (now) => progress(now, line));
  if (ended.state === "done") line.end("done", "Up to date");
  else line.end("failed", "Not done", ended.reason);
}

async function keepLooking() {
  for (;;) {
    try {
      await lookAtJobs();
    } catch (error) {
      if (!(error instanceof client.Problem)) throw error; // the other parts of the page say that it cannot be reached
    }
    await new Promise((wake) => setTimeout(wake, LOOK_MS));
  }
}

function progress({ state, progress: now }, line) {
  if (state !== "running") return;
  const known = now !== null && now.total > 0;
  const part = known ? ` ${now.done} of ${now.total}` : "…";
  line.at(`${now === null ? "Reading" : STAGES[now.stage]}${part}`, known ? now.done / now.total : null);
}

function add(files) {
  for (const file of files) {
    const line = new Line(file.name);
    queue = queue.then(() => send(file, line));
  }
}

input.addEventListener("change", () => {
  add([...input.files]);
  input.value = "";
});

for (const name of ["dragenter", "dragover"]) {
  zone.addEventListener(name, (event) => {
    event.preventDefault();
    zone.classList.add("over");
  });
}
zone.addEventListener("dragleave", (event) => {
  if (!zone.contains(event.relatedTarget)) zone.classList.remove("over");
});
zone.addEventListener("drop", (event) => {
  event.preventDefault();
  zone.classList.remove("over");
  add([...event.dataTransfer.files]);
});

// A file dropped beside the zone would make the browser leave the page.
for (const name of ["dragover", "drop"]) window.addEventListener(name, (event) => event.preventDefault());

keepLooking();
