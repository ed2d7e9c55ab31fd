// The documents view: what is indexed, and taking it out again. Putting it in is in uploads.js.

import * as client from "./client.js";
import { byId, date, errorNote, fileName, fill, h, missing, plural, size } from "./dom.js";
import * as uploads from "./uploads.js";

const PAGE = 100;
const list = byId("list");
const kinds = { markdown: "MD", pdf: "PDF", html: "HTML", ipynb: "NOTE", python: "PY", rst: "RST", plain: "TXT" };
let loaded = [];
let total = 0;
let turn = 0; // of the listing; what an earlier one still fetches is out of date

export const setLimit = (bytes) => uploads.setLimit(bytes);

/** Lists the documents anew. */
export async function show() {
  turn += 1;
  await fetchFrom(0);
}

async function fetchFrom(offset) {
  const mine = turn;
  try {
    const page = await client.documents(offset, PAGE);
    if (mine !== turn) return;
    loaded = loaded.slice(0, offset).concat(page.documents);
    total = page.total;
    draw();
  } catch (error) {
    if (!(error instanceof client.Problem)) throw error;
    if (mine === turn) fill(list, errorNote(error));
  }
}

function draw() {
  if (total === 0) {
    fill(list, h("p", { class: "nothing" }, "Nothing here yet. What you add appears in this list, ready to be asked about."));
    return;
  }
  const names = [...new Set(loaded.map((each) => each.collection))].sort();
  const groups = names.map((name) => group(name, loaded.filter((each) => each.collection === name), names.length > 1));
  const rest = total - loaded.length;
  const button = h("button", { type: "button", onclick: () => fetchFrom(loaded.length) }, `Show ${plural(rest, "more document")}`);
  fill(list, ...groups, rest > 0 ? h("p", { class: "more" }, button) : null);
}

function group(name, documents, named) {
  const title = named ? name : plural(total, "document");
  const chunks = documents.reduce((sum, each) => sum + each.n_chunks, 0);
  const heading = h("h2", {}, title, h("span", {}, plural(chunks, "passage")));
  return h("section", { class: "collection" }, heading, h("ul", {}, ...documents.map(row)));
}

function row(each) {
  const href = `#/documents/${encodeURIComponent(each.document_id)}`;
  const name = fileName(each.path);
  const particulars = [size(each.size_bytes), plural(each.n_chunks, "passage"), date(each.indexed_at)];
  if (name !== each.title) particulars.unshift(name);
  return h(
    "li",
    { class: "document", "data-id": each.document_id },
    h("span", { class: "kind", "aria-hidden": "true" }, kind(each)),
    h("div", {}, h("a", { href, title: each.path }, each.title), h("p", { class: "fine" }, particulars.join(" · ")), missing(each)),
    h("button", { type: "button", class: "quiet", "aria-label": `Delete ${each.title}`, onclick: () => drop(each) }, "Delete"),
  );
}

function kind({ media_type: type, path }) {
  const key = Object.keys(kinds).find((part) => type.includes(part));
  return key ? kinds[key] : (path.split(".").pop() ?? "").slice(0, 4).toUpperCase();
}

async function drop(each) {
  if (!(await confirmed(each))) return;
  try {
    await client.remove(each.document_id);
  } catch (error) {
    if (error.status !== 404) return list.prepend(errorNote(error)); // 404: somebody else was faster
  }
  document.dispatchEvent(new Event("materials"));
  await show();
  byId("documents-title").focus({ preventScroll: true });
}

function confirmed(each) {
  const dialog = byId("confirm");
  byId("confirm-text").textContent = `“${each.title}” will no longer be read for answers. The file it was made from stays where it is.`;
  dialog.returnValue = "cancel";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "delete"), { once: true });
  });
}

document.addEventListener("uploaded", () => {
  if (!byId("documents").hidden) show();
});
