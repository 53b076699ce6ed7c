// What an answer or a hit stands on, opened beside it: the page with the cited place marked, and the passage's words.

import { Refused, send, toast } from "./page.js";

const panel = document.getElementById("source");
const body = document.getElementById("source-body");
const path = document.getElementById("source-path");
const number = document.getElementById("source-number");
const feedback = document.getElementById("source-feedback");
const narrow = matchMedia("(max-width: 72rem)");

let opener = null;
let asked = 0;

/** Open the passage that a button names; on a wide page beside it, on a narrow one over it. */
export async function openSource(button) {
  const { document: id, passage, number: cited = "" } = button.dataset;
  opener?.removeAttribute("aria-expanded");
  opener = button;
  opener.setAttribute("aria-expanded", "true");
  number.textContent = cited;
  path.replaceChildren(...pathOf(button));
  feedback.hidden = !button.dataset.question;
  if (!(await show(id, passage))) return;
  if (!panel.open) panel[narrow.matches ? "showModal" : "show"]();
  document.body.toggleAttribute("data-source", true);
  body.querySelector("h2").focus();
}

/** The way that led to a source stands under its answer; it is shown beside the source too. */
function pathOf(button) {
  const way = document.getElementById(button.dataset.path ?? "");
  return way ? [way.cloneNode(true)].map((copy) => (copy.removeAttribute("id"), copy)) : [];
}

async function show(id, passage) {
  const mine = ++asked;
  let html;
  try {
    html = await (await send(`/api/knowledge/documents/${id}/passages/${passage}`, { method: "GET" })).text();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    toast(error.status === 404 ? panel.dataset.failed : error.message, "problem");
    return false;
  }
  if (mine !== asked) return false;
  body.innerHTML = html;
  body.scrollTop = 0;
  const picture = body.querySelector(".sheet img");
  picture?.addEventListener("load", () => toMark());
  picture?.addEventListener("error", () => picture.closest("figure").remove());
  return true;
}

/** Bring the marked place into sight, where the page is larger than the panel. */
function toMark() {
  const mark = body.querySelector(".sheet rect");
  if (!mark) return;
  const at = mark.getBoundingClientRect().top - body.getBoundingClientRect().top + body.scrollTop;
  if (at > body.clientHeight * 0.7) body.scrollTop = at - body.clientHeight / 3;
}

/** Say whether the passage that is open answers what was looked for. */
async function tell(good) {
  const { document: id, passage } = body.querySelector(".source-view").dataset;
  const { collection, question } = opener.dataset;
  try {
    await send(`/api/knowledge/documents/${id}/passages/${passage}/feedback`, { body: { collection, question, good } });
    feedback.hidden = true;
    toast(feedback.dataset.kept);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    toast(error.message, "problem");
  }
}

function close() {
  if (panel.open) panel.close();
}

panel.addEventListener("close", () => {
  document.body.toggleAttribute("data-source", false);
  opener?.removeAttribute("aria-expanded");
  if (opener?.isConnected) opener.focus();
});
document.getElementById("source-close").addEventListener("click", close);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && panel.open && !panel.matches(":modal") && !document.querySelector(":popover-open, dialog:modal")) {
    event.stopImmediatePropagation();
    close();
  }
}, { capture: true });
document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.document && button.dataset.passage) openSource(button);
  else if (button.dataset.good) tell(button.dataset.good === "true");
  else if (button.dataset.turns) show(button.closest("[data-document]").dataset.document, button.dataset.turns);
});
