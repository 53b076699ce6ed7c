// Which collections a conversation is answered from, and files that somebody brings along to ask about them.

import { Refused, send, toast } from "./page.js";
import { follow, takesDrops, upload } from "./upload.js";

const FILES = "/api/assistant/files";

export class Knowledge {
  constructor(page, words) {
    this.page = page;
    this.words = words;
    this.list = document.getElementById("knowledge-list");
    this.attached = document.getElementById("attached");
    this.reading = 0;
    this.queue = Promise.resolve();
    this.list.addEventListener("change", () => this.keep());
    takesDrops(page.querySelector(".talk"), (files) => this.take(files));
    document.getElementById("files").addEventListener("change", (event) => {
      this.take([...event.target.files]);
      event.target.value = "";
    });
    document.getElementById("text").addEventListener("paste", (event) => {
      if (event.clipboardData.files.length) this.take([...event.clipboardData.files]);
    });
    this.show();
    if ("stale" in page.dataset) this.keep(); // A collection of its is gone; what is left is kept.
  }

  get chosen() {
    return [...this.list.querySelectorAll("input:checked")].map((box) => box.value);
  }

  /** Whether a file that was attached can't be asked about yet. */
  get isReading() {
    return this.reading > 0;
  }

  show() {
    const names = [...this.list.querySelectorAll("input:checked + span")].map((name) => name.textContent.trim());
    document.getElementById("knowledge-count").textContent = names.join(", ") || this.words.knowledge_none;
    document.getElementById("knowledge-button").toggleAttribute("data-chosen", names.length > 0);
    document.getElementById("knowledge-none").hidden = this.list.children.length > 0;
  }

  /** Show what was chosen, and keep it where there is a conversation; else it is sent with the first question. */
  async keep() {
    this.show();
    const { conversation } = this.page.dataset;
    if (!conversation) return;
    try {
      await send(`/api/assistant/conversations/${conversation}/knowledge`, { method: "PUT", body: { knowledge: this.chosen } });
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      toast(error.message, "problem");
    }
  }

  take(files) {
    for (const file of files) {
      const chip = this.chip(file.name);
      this.reading += 1;
      this.queue = this.queue.then(() => this.bring(file, chip));
    }
  }

  async bring(file, chip) {
    try {
      const added = await upload(FILES, file, (part) => this.tell(chip, this.words.sent.replace("%", Math.round(part * 100))));
      const ended = await follow(added, (found) => this.tell(chip, this.words[found.state]));
      chip.dataset.state = ended.state;
      if (ended.state === "failed") toast(`${file.name}: ${ended.reason}`, "problem");
      else await this.choose(added.collection);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      chip.dataset.state = "failed";
      this.tell(chip, this.words.refused);
      toast(`${file.name}: ${error.message}`, "problem");
    } finally {
      this.reading -= 1;
    }
  }

  choose(name) {
    let box = [...this.list.querySelectorAll("input")].find((one) => one.value === name);
    if (!box) {
      const item = document.createElement("li");
      item.innerHTML = '<label><input type="checkbox"> <span dir="auto"></span></label>';
      box = item.querySelector("input");
      box.value = name;
      item.querySelector("span").textContent = this.words.mine;
      this.list.append(item);
    }
    box.checked = true;
    return this.keep();
  }

  chip(name) {
    const chip = document.createElement("li");
    chip.innerHTML = '<span class="name" dir="auto"></span><span class="told muted"></span><button type="button" class="quiet small icon-only">×</button>';
    chip.firstElementChild.textContent = name;
    const away = chip.lastElementChild;
    away.setAttribute("aria-label", this.words.attach_remove.replace("{name}", name));
    away.addEventListener("click", () => this.forget(chip));
    this.attached.append(chip);
    this.attached.hidden = false;
    this.tell(chip, this.words.waiting);
    return chip;
  }

  tell(chip, text) {
    chip.querySelector(".told").textContent = text;
  }

  forget(chip) {
    chip.remove();
    this.attached.hidden = this.attached.children.length === 0;
  }

  /** What was attached belongs to the question that was just asked. */
  asked() {
    this.attached.replaceChildren();
    this.attached.hidden = true;
  }
}
