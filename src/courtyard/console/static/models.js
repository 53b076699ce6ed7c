// Asks one model one question, and shows the answer as it is made, with its receipt.

import { given, lines, send } from "./page.js";

const words = given("models-words");

for (const form of document.querySelectorAll(".try-form")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    ask(form);
  });
}

async function ask(form) {
  const answer = form.parentElement.querySelector(".answer");
  const [text, told] = answer.children;
  const stop = new AbortController();
  const [go, halt] = form.querySelectorAll("button");
  answer.hidden = false;
  answer.classList.remove("failed");
  text.textContent = told.textContent = "";
  go.hidden = true;
  halt.hidden = false;
  halt.onclick = () => stop.abort();
  try {
    const response = await send("/api/console/try", {
      body: { model: form.dataset.model, prompt: form.elements.prompt.value },
      signal: stop.signal,
    });
    for await (const part of lines(response)) show(part, answer, text, told);
  } catch (error) {
    if (error.name === "AbortError") told.textContent = words.stopped;
    else fail(answer, text, error.message);
  } finally {
    go.hidden = false;
    halt.hidden = true;
  }
}

function show(part, answer, text, told) {
  if (part.text) text.append(part.text);
  if (part.error) fail(answer, text, part.error.message);
  if (!part.end) return;
  const end = part.end;
  if (end.text) text.textContent = end.text;
  const link = document.createElement("a");
  link.href = `/receipts/${encodeURIComponent(end.receipt)}`;
  link.textContent = words.receipt;
  told.replaceChildren(`${end.told} · `, link);
}

function fail(answer, text, message) {
  answer.classList.add("failed");
  text.append(text.textContent ? `\n${message}` : message);
}
