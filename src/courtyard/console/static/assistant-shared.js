// A conversation that somebody shared: drawn and read, copied, and nothing more.

import { cite } from "./citations.js";
import { draw } from "./markdown.js";
import { copyText, given, toast } from "./page.js";

const words = given("assistant-words");

for (const said of document.querySelectorAll("[data-markdown]")) {
  said.source = said.textContent;
  said.replaceChildren();
  draw(said, said.source, words);
  cite(said, [...said.closest(".message").querySelectorAll(".sources button")], words);
}

document.getElementById("assistant").addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy], [data-copy-code]");
  if (!button) return;
  const said = button.closest(".message").querySelector(".said, .asked");
  const code = "copyCode" in button.dataset && button.closest(".code-block").querySelector("code").textContent;
  const copied = await copyText(code || said.source || said.textContent);
  toast(copied ? words.copied : words.copy_failed, copied ? "done" : "problem");
});
