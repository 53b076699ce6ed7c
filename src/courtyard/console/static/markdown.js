// Markdown to safe elements: no HTML passes, no picture loads, and links go to the web and to mail only.
// Two walls, either of which holds alone: the parser writes no HTML that it was given, and the sanitizer lets only
// the tags below through. The page's content security policy is a third.

import { drawFormulas, formulas } from "./maths.js";
import DOMPurify from "./vendor/dompurify/purify.es.mjs";
import markdownIt from "./vendor/markdown-it/markdown-it.esm.min.mjs";

const SAFE_LINK = /^(?:https?:\/\/|mailto:)/i;
const HIGHLIGHTED_LENGTH_MAX = 50_000;

const TEXT = {
  ALLOWED_TAGS: [
    "a", "blockquote", "br", "code", "em", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "s", "strong",
    "table", "tbody", "td", "th", "thead", "tr", "ul",
  ],
  ALLOWED_ATTR: ["class", "href", "start", "title"],
  ALLOWED_URI_REGEXP: SAFE_LINK,
  ADD_URI_SAFE_ATTR: ["start"],
  ALLOW_ARIA_ATTR: false,
  ALLOW_DATA_ATTR: false,
  RETURN_DOM_FRAGMENT: true,
};
const COLOURED = { ...TEXT, ALLOWED_TAGS: ["span"], ALLOWED_ATTR: ["class"] };

const parser = markdownIt({ html: false, linkify: true, typographer: false });
parser.linkify.set({ fuzzyLink: false, fuzzyEmail: false });
formulas(parser);
parser.validateLink = (address) => SAFE_LINK.test(address.trim());

// A picture would tell its server who reads what; its address is a link instead.
parser.renderer.rules.image = (tokens, index) => {
  const { escapeHtml } = parser.utils;
  const address = tokens[index].attrGet("src") ?? "";
  const name = escapeHtml(tokens[index].content || address);
  return parser.validateLink(address) ? `<a href="${escapeHtml(address)}">${name}</a>` : name;
};

// Alignment is a class, because inline styles are refused, and headings rank below those of the page.
parser.core.ruler.push("fit", ({ tokens }) => {
  for (const token of tokens) {
    const aligned = /text-align:(\w+)/.exec(token.attrGet("style") ?? "");
    if (aligned) {
      token.attrs = token.attrs.filter(([name]) => name !== "style");
      token.attrSet("class", `align-${aligned[1]}`);
    }
    if (token.type.startsWith("heading_")) token.tag = `h${Math.min(6, Number(token.tag[1]) + 2)}`;
  }
});

// CommonMark does not end emphasis between punctuation and a letter: right where words have spaces, wrong where they
// have none. Beside these scripts, `**注意：**下文` is bold.
const UNSPACED = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}\u3000-\u303f\uff00-\uffef]/u;
parser.inline.State = class extends parser.inline.State {
  scanDelims(start, canSplitWord) {
    const found = super.scanDelims(start, canSplitWord);
    if (!canSplitWord) return found;
    const before = [...this.src.slice(Math.max(0, start - 2), start)].at(-1) ?? " ";
    const after = String.fromCodePoint(this.src.codePointAt(start + found.length) ?? 32);
    if (UNSPACED.test(before) || UNSPACED.test(after)) {
      found.can_open ||= !/[\s\p{Pe}\p{Pf}，。、：；！？]/u.test(after);
      found.can_close ||= !/[\s\p{Ps}\p{Pi}]/u.test(before);
    }
    return found;
  }
};

/**
 * Show Markdown in an element. Blocks that did not change stay as they are, so that an answer can be drawn many times
 * while it grows, and a selection in it survives.
 */
export function draw(element, text, words, { growing = false } = {}) {
  const blocks = written(text);
  blocks.forEach((html, index) => {
    const there = element.children[index];
    if (there?.written !== html) {
      const block = made(html, words);
      if (there) there.replaceWith(block);
      else element.append(block);
    }
  });
  while (element.children.length > blocks.length) element.lastElementChild.remove();
  drawFormulas(element);
  [...element.querySelectorAll(".code-block:not([data-coloured])")]
    .filter((block) => !(growing && block === element.lastElementChild))
    .forEach(colour);
}

/** Write each block at the top of a text by itself. */
function written(text) {
  const shared = {};
  const tokens = parser.parse(text, shared);
  const blocks = [];
  let begun = 0;
  let depth = 0;
  tokens.forEach((token, index) => {
    depth += token.nesting;
    if (depth === 0) {
      blocks.push(parser.renderer.render(tokens.slice(begun, index + 1), parser.options, shared));
      begun = index + 1;
    }
  });
  return blocks;
}

function made(html, words) {
  const fragment = DOMPurify.sanitize(html, TEXT);
  for (const link of fragment.querySelectorAll("a")) {
    link.target = "_blank";
    link.rel = "noopener noreferrer";
  }
  for (const table of fragment.querySelectorAll("table")) {
    const frame = framed("table-frame");
    table.replaceWith(frame);
    frame.append(table);
    frame.tabIndex = 0; // What scrolls can be scrolled by keys.
  }
  for (const pre of fragment.querySelectorAll("pre")) {
    const frame = framed("code-block");
    pre.replaceWith(frame);
    frame.append(codeHead(pre.firstElementChild, words), pre);
  }
  const block = fragment.children.length === 1 ? fragment.firstElementChild : framed("block", ...fragment.childNodes);
  block.written = html;
  return block;
}

function framed(name, ...inner) {
  const frame = document.createElement("div");
  frame.className = name;
  frame.append(...inner);
  return frame;
}

function codeHead(code, words) {
  const language = /(?:^|\s)language-(\S+)/.exec(code.className)?.[1] ?? "";
  code.removeAttribute("class");
  code.dataset.language = language.toLowerCase();
  code.parentElement.tabIndex = 0;
  code.parentElement.dir = "ltr";
  const name = document.createElement("span");
  name.textContent = language || words.code;
  const copy = document.createElement("button");
  copy.type = "button";
  copy.className = "quiet small";
  copy.dataset.copyCode = "";
  copy.textContent = words.copy;
  return framed("code-head", name, copy);
}

/** Colour code whose language is named and known; the library is loaded with the first code there is. */
async function colour(block) {
  block.dataset.coloured = "";
  const code = block.querySelector("code");
  const { language } = code.dataset;
  if (!language || code.textContent.length > HIGHLIGHTED_LENGTH_MAX) return;
  const { default: highlight } = await import("./vendor/highlight/highlight.min.js");
  if (!highlight.getLanguage(language)) return;
  const { value } = highlight.highlight(code.textContent, { language, ignoreIllegals: true });
  code.replaceChildren(DOMPurify.sanitize(value, COLOURED));
}
