// `[2]` in an answer becomes a button that opens the answer's second source.

const CITED = /[[【](\d{1,2}(?:\s*[,，、]\s*\d{1,2})*)[\]】]/g;
const ELSEWHERE = "a, button, code, pre, math";

/** Make buttons of the citations in an element; `sources` are the buttons of the list below the answer, in order. */
export function cite(element, sources, words) {
  if (!sources.length) return;
  const texts = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  const found = [];
  while (texts.nextNode()) {
    if (!texts.currentNode.parentElement.closest(ELSEWHERE)) found.push(texts.currentNode);
  }
  for (const text of found) replace(text, sources, words);
}

function replace(text, sources, words) {
  const pieces = [];
  let end = 0;
  for (const match of text.data.matchAll(CITED)) {
    const numbers = match[1].split(/\D+/).map(Number);
    if (!numbers.every((number) => sources[number - 1])) continue;
    pieces.push(text.data.slice(end, match.index), ...numbers.map((number) => button(number, sources[number - 1], words)));
    end = match.index + match[0].length;
  }
  if (pieces.length) text.replaceWith(...pieces, text.data.slice(end));
}

function button(number, source, words) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "cite";
  made.textContent = number;
  made.title = source.title;
  made.setAttribute("aria-label", words.cite.replace("{number}", number));
  made.setAttribute("aria-haspopup", "dialog");
  Object.assign(made.dataset, source.dataset);
  return made;
}
