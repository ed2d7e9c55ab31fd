// The service's HTTP interface. Every failure is a Problem whose message is fit to be shown.

export class Problem extends Error {
  constructor(message, status = 0) {
    super(message);
    this.status = status;
  }
}

const UNREACHABLE = "the service cannot be reached; is it still running?";

async function problemOf(response) {
  const type = response.headers.get("content-type") ?? "";
  const told = type.includes("json") ? await response.json() : {};
  return new Problem(told.detail ?? `the service answered with ${response.status}`, response.status);
}

async function request(path, options = {}) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(UNREACHABLE);
  }
  if (!response.ok) throw await problemOf(response);
  return response;
}

const JSON_HEADERS = { "Content-Type": "application/json" };
const getJSON = async (path) => (await request(path)).json();

export const ready = () => getJSON("/readyz");
export const collections = async () => (await getJSON("/v1/collections")).collections;
export const documents = (offset, limit) => getJSON(`/v1/documents?offset=${offset}&limit=${limit}`);
export const jobs = async () => (await getJSON("/v1/jobs")).jobs;
export const documentOf = (id) => getJSON(`/v1/documents/${encodeURIComponent(id)}`);
export const remove = (id) => request(`/v1/documents/${encodeURIComponent(id)}`, { method: "DELETE" });
export const contentHref = (id) => `/v1/documents/${encodeURIComponent(id)}/content`;
export const textOf = (id, start, end) => getJSON(`/v1/documents/${encodeURIComponent(id)}/text?start=${start}&end=${end}`);

const post = async (path, body) => (await request(path, { method: "POST", headers: JSON_HEADERS, body: JSON.stringify(body) })).json();
export const inspect = (body) => post("/v1/inspect", body);
export const attention = (body) => post("/v1/inspect/attention", body);

/** The events of an answer as they come, each {name, data}. */
export async function* ask(body, signal) {
  const response = await request("/v1/ask", {
    method: "POST",
    headers: { ...JSON_HEADERS, Accept: "text/event-stream" },
    body: JSON.stringify(body),
    signal,
  });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (text + value).split("\n\n");
    text = blocks.pop();
    for (const block of blocks) yield eventOf(block);
  }
}

function eventOf(block) {
  const fields = Object.fromEntries(block.split("\n").map((line) => [line.split(": ", 1)[0], line.slice(line.indexOf(": ") + 2)]));
  return { name: fields.event, data: JSON.parse(fields.data) };
}

/** Uploads a file and gives its job. `onSent` is told the part that has been sent, 0 to 1. fetch cannot tell that. */
export function upload(file, onSent) {
  return new Promise((resolve, reject) => {
    const form = new FormData();
    form.append("file", file, file.name);
    const sending = new XMLHttpRequest();
    sending.open("POST", "/v1/documents");
    sending.responseType = "json";
    sending.upload.onprogress = (event) => event.lengthComputable && onSent(event.loaded / event.total);
    sending.onerror = () => reject(new Problem(UNREACHABLE));
    sending.onload = () => {
      if (sending.status === 202) resolve(sending.response);
      else reject(new Problem(sending.response?.detail ?? `the service answered with ${sending.status}`, sending.status));
    };
    sending.send(form);
  });
}

/** Follows a job to its end and gives it as it then is. `onChange` is told the job each time it changes. */
export function follow(job, onChange) {
  return new Promise((resolve, reject) => {
    const events = new EventSource(`/v1/jobs/${job.id}/events`);
    const end = (event) => {
      events.close();
      resolve(JSON.parse(event.data));
    };
    events.addEventListener("progress", (event) => onChange(JSON.parse(event.data)));
    events.addEventListener("done", end);
    events.addEventListener("failed", end);
    events.onerror = () => {
      events.close();
      reject(new Problem(UNREACHABLE));
    };
  });
}
