// Runs a pack's vectors while it is written.

import { given, send } from "./page.js";

const WAIT_MS = 350;

const words = given("packs-words");
const editor = document.getElementById("editor");
const summary = document.querySelector("[data-summary]");
const list = document.querySelector("#outcome ul");
let waiting;
let asked = new AbortController();
let changed = false;

editor.addEventListener("input", () => {
  changed = true;
  clearTimeout(waiting);
  waiting = setTimeout(check, WAIT_MS);
});
editor.addEventListener("submit", () => (changed = false));
addEventListener("beforeunload", (event) => changed && event.preventDefault());

async function check() {
  asked.abort();
  asked = new AbortController();
  const body = Object.fromEntries([...editor.querySelectorAll("[data-file]")].map((one) => [one.dataset.file, one.value]));
  try {
    show(await (await send(editor.dataset.url, { body, signal: asked.signal })).json());
  } catch (error) {
    if (error.name !== "AbortError") tell(error.message, false);
  }
}

function show({ title, problem, runs, is_good }) {
  const failed = runs.filter((run) => run.problem).length;
  const counted = is_good ? words.good : words.bad;
  tell(problem || `${title}: ${counted.replace("{failed}", failed).replace("{all}", runs.length)}`, is_good);
  // What fails stands first, so that it is seen without scrolling.
  const sorted = [...runs].sort((one, other) => Boolean(other.problem) - Boolean(one.problem));
  list.replaceChildren(...sorted.map(line));
}

function tell(text, isGood) {
  summary.textContent = text;
  summary.className = isGood ? "muted" : "problem";
}

function line(run) {
  const item = document.createElement("li");
  item.className = run.problem ? "bad" : "good";
  const text = document.createElement("span");
  const number = document.createElement("code");
  number.textContent = run.line;
  text.className = "break";
  text.append(number, ` ${run.says}`);
  if (run.problem) text.append(document.createElement("br"), run.problem);
  item.append(document.getElementById(item.className).content.cloneNode(true), text);
  return item;
}
