// What every page does: talk to the server, say what was done, copy, confirm, and show times where the reader is.

const words = JSON.parse(document.getElementById("words").textContent);

/** The reader's language, with the digits that the server writes too. */
export const locale = new Intl.Locale(words.language, { numberingSystem: "latn" });
const token = document.querySelector('meta[name="csrf"]').content;

/** Tell something in passing; `kind` is "done" or "problem". */
export function toast(text, kind = "done") {
  const note = document.createElement("p");
  note.className = kind === "problem" ? "toast problem" : "toast";
  note.textContent = text;
  document.getElementById("toasts").append(note);
  fade(note);
}

/** What the server refused, in the reader's words. */
export class Refused extends Error {
  constructor(message, status, code) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Send JSON (or nothing) with the page's token; resolves to the response, or rejects with `Refused`. */
export async function send(url, { method = "POST", body, signal } = {}) {
  const headers = { "x-csrf-token": token, accept: "application/json" };
  if (body !== undefined) headers["content-type"] = "application/json";
  let response;
  try {
    response = await fetch(url, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(words.offline, 0, "offline");
  }
  if (!response.ok) throw await refusal(response);
  return response;
}

async function refusal(response) {
  const told = await response.json().catch(() => null);
  const message = told?.error?.message ?? words.unknown_error;
  return new Refused(message, response.status, told?.error?.code ?? "error");
}

/** Read a response that is sent as lines of JSON, one object at a time. */
export async function* lines(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    const parts = (rest + value).split("\n");
    rest = parts.pop();
    for (const part of parts) if (part) yield JSON.parse(part);
  }
  if (rest) yield JSON.parse(rest);
}

/** The page's own strings: what a template put into `<script type="application/json" id="…">`. */
export function given(id) {
  return JSON.parse(document.getElementById(id).textContent);
}

export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

// The clipboard interface is there only over https and on localhost; a house on a local network may have neither.
function copyBySelection(text) {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "hidden";
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  return copied;
}

function fade(note) {
  setTimeout(() => note.classList.add("leaving"), 5000);
  setTimeout(() => note.remove(), 5600);
}

function remember(name, value) {
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `${name}=${value}; path=/; max-age=31536000; samesite=lax${secure}`;
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.copies) {
    const copied = await copyText(document.getElementById(button.dataset.copies).textContent);
    toast(copied ? words.copied : words.copy_failed, copied ? "done" : "problem");
  } else if (button.dataset.opens) {
    document.getElementById(button.dataset.opens).showModal();
  } else if (button.dataset.closes !== undefined) {
    button.closest("dialog").close();
  } else if (button.name === "theme" && button.closest("[data-theme-choice]")) {
    event.preventDefault();
    remember("courtyard-theme", button.value);
    document.documentElement.dataset.theme = button.value;
    for (const one of document.querySelectorAll("[data-theme-choice] button")) {
      one.setAttribute("aria-pressed", String(one.value === button.value));
    }
    document.dispatchEvent(new CustomEvent("themechange"));
  }
});

// A click on what lies around a dialog closes it, as Escape does.
document.addEventListener("click", (event) => {
  if (event.target instanceof HTMLDialogElement) event.target.close();
});

for (const time of document.querySelectorAll("time[data-ms]")) {
  const options = time.dataset.day === undefined ? { dateStyle: "medium", timeStyle: "medium" } : { dateStyle: "medium" };
  const at = new Date(Number(time.dataset.ms));
  time.title = at.toISOString();
  time.textContent = new Intl.DateTimeFormat(locale, options).format(at);
}

// On a narrow page the tabs are a row that scrolls; the one that is open is in sight.
document.querySelector(".subnav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

document.querySelectorAll(".toasts .toast").forEach(fade);

// What was used or told once does not stay in the address: a reload would say it again.
const address = new URL(location.href);
if (address.searchParams.has("done") || address.searchParams.has("token")) {
  address.searchParams.delete("done");
  address.searchParams.delete("token");
  history.replaceState(null, "", address);
}
