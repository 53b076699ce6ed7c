// Formulas between $…$, $$…$$, \(…\) and \[…\]: read by KaTeX, shown as MathML. The library is loaded with the first one.
// It may define nothing, load nothing and link nowhere, and only the elements and attributes below get into the page.

import DOMPurify from "./vendor/dompurify/purify.es.mjs";

const LENGTH_MAX = 10_000;
const FENCES = { "$$": "$$", "\\[": "\\]", "\\(": "\\)", "$": "$" };
const FORMULA = {
  ALLOWED_TAGS: [
    "math", "menclose", "mfrac", "mi", "mmultiscripts", "mn", "mo", "mover", "mpadded", "mphantom", "mroot", "mrow",
    "mspace", "msqrt", "mstyle", "msub", "msubsup", "msup", "mtable", "mtd", "mtext", "mtr", "munder", "munderover",
  ],
  ALLOWED_ATTR: [
    "accent", "accentunder", "columnalign", "columnspacing", "columnlines", "depth", "display", "displaystyle", "fence",
    "height", "largeop", "linethickness", "lspace", "mathcolor", "mathvariant", "maxsize", "minsize", "notation",
    "rowspacing", "rspace", "scriptlevel", "separator", "stretchy", "voffset", "width",
  ],
  ALLOW_ARIA_ATTR: false,
  ALLOW_DATA_ATTR: false,
  NAMESPACE: "http://www.w3.org/1999/xhtml",
  RETURN_DOM_FRAGMENT: true,
};
const OPTIONS = { output: "mathml", throwOnError: true, trust: false, strict: "ignore", maxExpand: 200, maxSize: 20 };

/** Teach a Markdown parser to find formulas: each becomes code of the class `formula`, until it is drawn. */
export function formulas(parser) {
  const write = ({ utils }, { content, block }) => `<code class="formula${block ? " display" : ""}">${utils.escapeHtml(content)}</code>`;
  parser.inline.ruler.before("escape", "formula", inline);
  parser.block.ruler.before("fence", "formulas", block, { alt: ["paragraph", "reference", "blockquote", "list"] });
  parser.renderer.rules.formula = (tokens, index) => write(parser, tokens[index]);
  parser.renderer.rules.formulas = (tokens, index) => `<p class="formulas">${write(parser, tokens[index])}</p>\n`;
}

function fence(text, at) {
  const two = text.slice(at, at + 2);
  if (two in FENCES) return two;
  return text[at] === "$" ? "$" : null;
}

function inline(state, silent) {
  const { src, pos } = state;
  const opened = fence(src, pos);
  if (!opened) return false;
  const begun = pos + opened.length;
  const end = closed(src, begun, opened);
  if (end < 0 || end > state.posMax) return false;
  if (!silent) {
    const token = state.push("formula", "code", 0);
    token.content = src.slice(begun, end).trim();
    token.block = opened === "$$" || opened === "\\[";
  }
  state.pos = end + FENCES[opened].length;
  return true;
}

/** Find the end of a formula. A lone dollar is money more often than not: `$5 and $10` and `$5-$10` are none. */
function closed(text, begun, opened) {
  const wanted = FENCES[opened];
  if (opened === "$" && /^[\s$]/.test(text.slice(begun, begun + 1))) return -1;
  for (let at = text.indexOf(wanted, begun); at >= 0; at = text.indexOf(wanted, at + 1)) {
    if (wanted[0] === "$" && text[at - 1] === "\\") continue;
    if (at === begun || at - begun > LENGTH_MAX || /\n\s*\n/.test(text.slice(begun, at))) return -1;
    return opened === "$" && (/\s/.test(text[at - 1]) || /\d/.test(text[at + 1] ?? "")) ? -1 : at;
  }
  return -1;
}

function block(state, first, last, silent) {
  const line = (number) => state.src.slice(state.bMarks[number] + state.tShift[number], state.eMarks[number]);
  const opened = line(first).slice(0, 2);
  if ((opened !== "$$" && opened !== "\\[") || state.sCount[first] - state.blkIndent >= 4) return false;
  const lines = [line(first).slice(2)];
  let next = first;
  while (!lines.at(-1).trimEnd().endsWith(FENCES[opened])) {
    next += 1;
    if (next >= last || lines.join("\n").length > LENGTH_MAX) return false;
    lines.push(line(next));
  }
  if (silent) return true;
  const token = state.push("formulas", "p", 0);
  token.content = lines.join("\n").trimEnd().slice(0, -2).trim();
  token.block = true;
  token.map = [first, next + 1];
  state.line = next + 1;
  return true;
}

/** Draw the formulas in an element; one that KaTeX can't read stays as it was written. */
export async function drawFormulas(element) {
  const found = [...element.querySelectorAll("code.formula:not([data-drawn])")];
  if (!found.length) return;
  for (const code of found) code.dataset.drawn = "";
  await import("./vendor/katex/katex.min.js");
  for (const code of found) {
    try {
      const html = self.katex.renderToString(code.textContent, { ...OPTIONS, displayMode: code.classList.contains("display") });
      const drawn = document.createElement("span");
      drawn.className = code.className;
      drawn.title = code.textContent;
      drawn.append(DOMPurify.sanitize(html, FORMULA));
      code.replaceWith(drawn);
    } catch {
      // What is not a formula is shown as code.
    }
  }
}
