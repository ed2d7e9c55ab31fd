// The page: which view the address asks for, whether the service is ready, and what there is to read.

import * as ask from "./ask.js";
import * as client from "./client.js";
import { byId, sentence } from "./dom.js";
import * as documents from "./documents.js";
import * as source from "./source.js";

const RETRY_MS = 1500;
const TITLES = { ask: "studygpt", documents: "Documents – studygpt", source: "Source – studygpt" };
let shown = null;
let looks = 0; // only the last look around counts

/** The view an address names, and what it asks of it: #/, #/documents, #/documents/ID?start=..&end=.. */
function parse(hash) {
  const [path, query = ""] = hash.replace(/^#/, "").split("?");
  const [first, id] = path.split("/").filter(Boolean);
  if (first !== "documents") return { name: "ask" };
  if (!id) return { name: "documents" };
  const asked = new URLSearchParams(query);
  const [start, end] = [asked.get("start"), asked.get("end")].map((n) => (/^\d+$/.test(n ?? "") ? Number(n) : null));
  return { name: "source", id: decodeURIComponent(id), start, end };
}

async function route() {
  const view = parse(location.hash);
  const moved = shown !== null && shown !== view.name;
  shown = view.name;
  for (const name of Object.keys(TITLES)) byId(name).hidden = name !== view.name;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.dataset.view === view.name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = TITLES[view.name];
  if (moved && view.name !== "source") {
    window.scrollTo(0, 0);
    byId("main").focus({ preventScroll: true });
  }
  if (view.name === "ask") ask.show();
  if (view.name === "documents") await documents.show();
  if (view.name === "source") await source.show(view.id, view.start, view.end);
}

function notice(text, bad = false) {
  const element = byId("service");
  element.hidden = text === "";
  element.textContent = text;
  element.classList.toggle("bad", bad);
}

/** Learns what there is to read and tells the views. Raises a Problem while the service is not ready. */
async function lookAround() {
  const mine = (looks += 1);
  const [ready, collections] = await Promise.all([client.ready(), client.collections()]);
  const sample = ready.n_documents > 0 ? (await client.documents(0, 100)).documents : [];
  if (mine !== looks) return;
  byId("count").hidden = ready.n_documents === 0;
  byId("count").textContent = ready.n_documents.toLocaleString("en");
  documents.setLimit(ready.max_upload_bytes);
  ask.setMaterials(ready.n_documents, collections, sample);
}

async function start() {
  for (;;) {
    try {
      await lookAround();
      break;
    } catch (error) {
      notice(sentence(error.message), error.status !== 503);
      await new Promise((wake) => setTimeout(wake, RETRY_MS));
    }
  }
  notice("");
  document.addEventListener("materials", () => lookAround().catch((error) => notice(sentence(error.message), true)));
  window.addEventListener("hashchange", route);
  await route();
}

start();
