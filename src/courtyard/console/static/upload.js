// Files on their way: sent one after another, each with how far it is, then followed until it is read or refused.

import { Refused, send } from "./page.js";

const token = document.querySelector('meta[name="csrf"]').content;
const words = JSON.parse(document.getElementById("words").textContent);
const LOOK_MS = 700;
const LOOK_MS_MAX = 5000;

/** Send one file; `sent` is told what part of it is there. Resolves to what the server says of it. */
export function upload(url, file, sent) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `${url}?name=${encodeURIComponent(file.name)}`);
    request.responseType = "json";
    request.setRequestHeader("x-csrf-token", token);
    request.setRequestHeader("accept", "application/json");
    request.setRequestHeader("content-type", "application/octet-stream");
    request.upload.addEventListener("progress", (event) => event.lengthComputable && sent(event.loaded / event.total));
    request.addEventListener("error", () => reject(new Refused(words.offline, 0, "offline")));
    request.addEventListener("load", () => {
      const told = request.response;
      if (request.status < 300) resolve(told);
      else reject(new Refused(told?.error?.message ?? words.unknown_error, request.status, told?.error?.code ?? "error"));
    });
    request.send(file);
  });
}

/** Look at a document until it waits no longer; `seen` is told each time. Resolves to how it ended. */
export async function follow(document, seen) {
  for (let wait = LOOK_MS; ; wait = Math.min(wait * 1.3, LOOK_MS_MAX)) {
    seen(document);
    if (!["waiting", "reading"].includes(document.state)) return document;
    await new Promise((resolve) => setTimeout(resolve, wait));
    document = await (await send(`/api/knowledge/documents/${encodeURIComponent(document.id)}`, { method: "GET" })).json();
  }
}

/** Let files be dropped on an element, which is marked while they hover over it. */
export function takesDrops(element, take) {
  let depth = 0;
  const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
  const mark = (by) => element.toggleAttribute("data-dropping", (depth = Math.max(0, depth + by)) > 0);
  element.addEventListener("dragenter", (event) => carriesFiles(event) && (event.preventDefault(), mark(1)));
  element.addEventListener("dragleave", (event) => carriesFiles(event) && mark(-1));
  element.addEventListener("dragover", (event) => carriesFiles(event) && event.preventDefault());
  element.addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    mark(-depth);
    take([...event.dataTransfer.files]);
  });
}
