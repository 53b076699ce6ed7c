// The assistant's page: ask, show the answer as it is made, stop it, and manage conversations.

import { Knowledge } from "./assistant-knowledge.js";
import "./assistant-share.js";
import { cite } from "./citations.js";
import { draw } from "./markdown.js";
import { Refused, copyText, given, send, toast } from "./page.js";

const API = "/api/assistant/conversations";
const FRAME_MS = 50;
const NEAR_PX = 24;

const words = given("assistant-words");
const page = document.getElementById("assistant");
const log = document.getElementById("log");
const messages = document.getElementById("messages");
const composer = document.getElementById("composer");
const text = document.getElementById("text");
const model = document.getElementById("model");
const sendButton = document.getElementById("send");
const stopButton = document.getElementById("stop");
const latestButton = document.getElementById("latest");
const pending = document.getElementById("pending");
const touch = matchMedia("(pointer: coarse)");

const knowledge = new Knowledge(page, words);

let answer = null; // The answer under way, if there is one.

// Showing

function showMarkdown(root) {
  for (const said of root.querySelectorAll("[data-markdown]")) {
    const source = said.textContent;
    said.removeAttribute("data-markdown");
    said.replaceChildren();
    said.source = source;
    draw(said, source, words);
    cite(said, [...(said.closest(".message")?.querySelectorAll(".sources button") ?? [])], words);
  }
}

/** Make an element of what the server wrote. */
function made(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  const element = template.content.firstElementChild;
  showMarkdown(element);
  return element;
}

function isAtEnd() {
  return log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_PX;
}

let follows = true; // Until the reader scrolls up, and again once they are back at the end.
let lastTop = 0;

function toEnd() {
  log.scrollTop = log.scrollHeight;
}

function followed(change) {
  change();
  if (follows) toEnd();
  latestButton.hidden = isAtEnd();
}

log.addEventListener("scroll", () => {
  const up = log.scrollTop < lastTop;
  lastTop = log.scrollTop;
  follows = isAtEnd() || (follows && !up);
  latestButton.hidden = follows;
}, { passive: true });

latestButton.addEventListener("click", () => {
  follows = true;
  toEnd();
});

// An answer under way

/** Collects pieces, and shows them a few times a second. */
class Growing {
  constructor() {
    this.element = document.getElementById("answering").content.firstElementChild.cloneNode(true);
    this.said = this.element.querySelector(".said");
    this.reasoned = this.element.querySelector(".reasoned");
    this.text = "";
    this.reasoning = "";
    this.timer = null;
  }

  add({ text: more = "", reasoning = "" }) {
    this.text += more;
    this.reasoning += reasoning;
    this.timer ??= setTimeout(() => this.show(), FRAME_MS);
  }

  show() {
    this.timer = null;
    followed(() => {
      if (this.reasoning) {
        const thoughts = this.reasoned.parentElement;
        thoughts.hidden = false;
        if (this.text && !this.thought) thoughts.open = !(this.thought = true);
        this.reasoned.textContent = this.reasoning;
      }
      draw(this.said, this.text, words, { growing: true });
      this.element.classList.toggle("begun", Boolean(this.text));
    });
  }

  replaceWith(element) {
    clearTimeout(this.timer);
    const open = this.element.querySelector(".reasoning")?.open;
    const details = element.querySelector(".reasoning");
    if (details && open) details.open = true;
    followed(() => this.element.replaceWith(element));
  }
}

/** Read server-sent events: names, and objects. */
async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const frames = (rest + value).split("\n\n");
    rest = frames.pop();
    for (const frame of frames) {
      const [, name, data] = /^event: (\w+)\ndata: (.*)$/s.exec(frame);
      yield [name, JSON.parse(data)];
    }
  }
}

/**
 * Ask the server, and show what it answers. `taken` is called once the question is safe there. What is refused before
 * that is told in passing, and what was typed stays where it is.
 */
async function ask(method, path, body, taken) {
  if (answer) return;
  const current = (answer = { controller: new AbortController(), growing: new Growing(), ended: false });
  busy(true);
  try {
    const response = await send(API + path, { method, body, signal: current.controller.signal });
    for await (const [name, told] of events(response)) {
      if (name === "begin") began(current, told, taken);
      else if (name === "delta") current.growing.add(told);
      else if (name === "done") done(current, told);
    }
    if (!current.ended) await settle(current);
  } catch (error) {
    if (current.number) await settle(current);
    else if (error instanceof Refused) toast(error.message, "problem");
    else if (error.name !== "AbortError") throw error;
  } finally {
    answer = null;
    busy(false);
  }
}

function began(current, told, taken) {
  current.number = told.number;
  current.before = taken(told);
  document.getElementById("welcome")?.remove();
  pending.hidden = true;
  if (!page.dataset.conversation) {
    page.dataset.conversation = told.conversation;
    history.replaceState(null, "", `/assistant/${told.conversation}`);
    showTitle(told.title);
    document.getElementById("share-button").hidden = false;
  }
  follows = true;
  followed(() => messages.append(current.growing.element));
  refreshList();
}

function done(current, told) {
  current.ended = true;
  current.growing.replaceWith(made(told.html));
  if (!told.kept && current.before) followed(() => messages.lastElementChild.before(current.before));
}

/** Show an answer as it is kept after it was stopped, or after the connection was lost. */
async function settle(current) {
  try {
    const kept = await keptMessage(current.number);
    current.growing.replaceWith(kept);
  } catch {
    current.growing.element.removeAttribute("aria-busy");
    toast(words.lost, "problem");
  }
}

async function keptMessage(number) {
  for (let wait = 50; wait < 30_000; wait *= 1.5) {
    await new Promise((resolve) => setTimeout(resolve, wait));
    const response = await send(`${API}/${page.dataset.conversation}/messages/${number}`, { method: "GET" });
    if (response.status === 200) return made(await response.text());
  }
  throw new Error("the answer has no end");
}

function busy(is) {
  sendButton.hidden = is;
  stopButton.hidden = !is;
  page.toggleAttribute("data-busy", is);
  const focus = document.activeElement;
  if (is && focus === sendButton) stopButton.focus();
  if (!is && (focus === stopButton || focus === document.body) && !touch.matches) text.focus();
}

function stop() {
  answer?.controller.abort();
}

function showTitle(title) {
  document.getElementById("talk-title").textContent = title;
  document.title = document.title.replace(/^.*(?= · )/s, () => title);
}

// Asking

function askFirstOrNext() {
  const asked = text.value.trim();
  if (!asked || answer) return;
  if (knowledge.isReading) return toast(words.attach_wait, "problem");
  const conversation = page.dataset.conversation;
  const path = conversation ? `/${conversation}/messages` : "";
  const body = { text: asked, model: model.value || null };
  if (!conversation) body.knowledge = knowledge.chosen;
  ask("POST", path, body, (told) => {
    text.value = "";
    knowledge.asked();
    grow();
    messages.append(made(told.question));
  });
}

function askAgain() {
  const path = `/${page.dataset.conversation}/answers`;
  ask("POST", path, { model: model.value || null }, () => {
    let first = null;
    while (messages.lastElementChild?.classList.contains("answer")) {
      first = messages.lastElementChild; // What failed after it was not kept.
      first.remove();
    }
    return first;
  });
}

function edit(question) {
  const form = document.getElementById("editing").content.firstElementChild.cloneNode(true);
  const area = form.querySelector("textarea");
  area.value = question.querySelector(".asked").textContent;
  const cancel = () => {
    form.remove();
    question.classList.remove("rewriting");
    question.querySelector("[data-edit]").focus();
  };
  form.querySelector("[data-cancel]").addEventListener("click", cancel);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const asked = area.value.trim();
    if (!asked) return;
    const path = `/${page.dataset.conversation}/messages/last`;
    ask("PUT", path, { text: asked, model: model.value || null }, (told) => {
      while (question.nextElementSibling) question.nextElementSibling.remove();
      question.replaceWith(made(told.question));
    });
  });
  area.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.isComposing) cancel();
    else if (isSending(event)) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
  question.classList.add("rewriting");
  question.append(form);
  area.style.height = `${Math.min(area.scrollHeight + 4, 320)}px`;
  area.focus();
}

async function choose(button) {
  const article = button.closest(".message");
  const path = `${API}/${page.dataset.conversation}/messages/${article.dataset.number}/variant`;
  const response = await send(path, { body: { variant: Number(button.dataset.variant) } });
  const chosen = made(await response.text());
  article.replaceWith(chosen);
  chosen.querySelector(`[data-variant]:not(:disabled)`)?.focus();
}

/** Enter that means "send": not in the middle of a word that is being composed, and not on a phone's keyboard. */
function isSending(event) {
  const composing = event.isComposing || event.keyCode === 229;
  return event.key === "Enter" && !event.shiftKey && !composing && !touch.matches;
}

function grow() {
  text.style.height = "auto";
  text.style.height = `${text.scrollHeight}px`;
  sendButton.disabled = !text.value.trim();
}

text.addEventListener("input", grow);
text.addEventListener("keydown", (event) => {
  if (!isSending(event)) return;
  event.preventDefault();
  askFirstOrNext();
});
composer.addEventListener("submit", (event) => {
  event.preventDefault();
  askFirstOrNext();
});
stopButton.addEventListener("click", stop);
document.addEventListener("keydown", (event) => {
  const elsewhere = document.querySelector("dialog[open], :popover-open, .rewriting");
  if (event.key === "Escape" && !event.isComposing && answer && !elsewhere) stop();
});

// Messages

async function copy(source) {
  const copied = await copyText(source);
  toast(copied ? words.copied : words.copy_failed, copied ? "done" : "problem");
}

page.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const { dataset } = button;
  if ("copyCode" in dataset) copy(button.closest(".code-block").querySelector("code").textContent);
  else if ("copy" in dataset) {
    const said = button.closest(".message").querySelector(".said, .asked");
    copy(said.source ?? said.textContent);
  } else if ("again" in dataset) askAgain();
  else if ("edit" in dataset) edit(button.closest(".message"));
  else if ("variant" in dataset) choose(button).catch(tell);
  else if ("example" in dataset) {
    text.value = button.textContent;
    grow();
    text.focus();
  } else if ("thread" in dataset) manage(button);
  else if ("more" in dataset) showMore(button).catch(tell);
});

function tell(error) {
  if (error instanceof Refused) toast(error.message, "problem");
  else throw error;
}

// The list of conversations

const list = document.getElementById("thread-list");
const search = document.getElementById("search");
let listed = 0;

async function fetchList(before) {
  const query = new URLSearchParams({ q: search.value, current: page.dataset.conversation });
  if (before) query.set("before", before);
  return (await send(`${API}?${query}`, { method: "GET" })).text();
}

async function refreshList() {
  const number = ++listed;
  try {
    const html = await fetchList();
    if (number === listed) list.innerHTML = html;
  } catch (error) {
    tell(error);
  }
}

async function showMore(button) {
  const html = await fetchList(button.dataset.more);
  button.closest("li").remove();
  list.insertAdjacentHTML("beforeend", html);
}

let typed = null;
search.addEventListener("input", () => {
  clearTimeout(typed);
  typed = setTimeout(refreshList, 200);
});
search.form.addEventListener("submit", (event) => {
  event.preventDefault();
  refreshList();
});

const managing = document.getElementById("manage");
const deletion = document.getElementById("deletion");
const nameField = document.getElementById("manage-name");
let managed = "";

function manage(button) {
  managed = button.dataset.thread;
  nameField.value = button.closest("li").querySelector("a").textContent;
  managing.showModal();
  nameField.select();
}

document.getElementById("manage-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    const renamed = await (await send(`${API}/${managed}`, { method: "PATCH", body: { title: nameField.value } })).json();
    managing.close();
    if (managed === page.dataset.conversation) showTitle(renamed.title);
    toast(words.renamed);
    await refreshList();
  } catch (error) {
    tell(error);
  }
});

document.getElementById("manage-delete").addEventListener("click", () => {
  managing.close();
  document.getElementById("deletion-name").textContent = nameField.value;
  deletion.showModal();
});

document.getElementById("deletion-confirm").addEventListener("click", async () => {
  try {
    await send(`${API}/${managed}`, { method: "DELETE" });
    if (managed === page.dataset.conversation) return location.assign("/assistant");
    deletion.close();
    toast(words.deleted);
    await refreshList();
  } catch (error) {
    deletion.close();
    tell(error);
  }
});

// As the page opens

showMarkdown(messages);
toEnd();
grow();
if (!touch.matches && document.activeElement === document.body) text.focus();
if (search.value !== search.defaultValue) refreshList(); // It was typed before this script was here.
if (page.dataset.answering) awaitElsewhere(Number(page.dataset.answering));

/** Wait for an answer that is being made for another window, or that was when the server went down. */
async function awaitElsewhere(number) {
  const growing = new Growing();
  const there = messages.querySelector(`.message[data-number="${number}"]`);
  if (there) there.replaceWith(growing.element);
  else messages.append(growing.element);
  toEnd();
  try {
    growing.replaceWith(await keptMessage(number));
  } catch {
    growing.element.remove();
    pending.hidden = false;
  }
}
