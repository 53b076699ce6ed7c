// A collection's documents: files dropped and followed, a list that keeps up, and a question before anything is lost.

import { given, send } from "./page.js";
import { follow, takesDrops, upload } from "./upload.js";

const words = given("knowledge-words");
const list = document.getElementById("uploads");
const drop = document.getElementById("drop");
const LOOK_MS = 1500;

// Files

let queue = Promise.resolve(); // One file after another: the reader's line is narrow, and so is the server's memory.

function take(files) {
  list.hidden = false;
  for (const file of files) {
    const row = new Row(file.name);
    if (file.size > Number(drop.dataset.bytesMax)) row.end("refused", words.large);
    else queue = queue.then(() => bring(file, row));
  }
}

async function bring(file, row) {
  let added;
  try {
    added = await upload(drop.dataset.url, file, (part) => row.sent(part));
  } catch (error) {
    row.end("refused", error.status === 0 ? words.lost : error.message);
    return;
  }
  follow(added, (found) => row.seen(found))
    .then((found) => row.end(found.state, found.reason), (error) => row.end("refused", error.message))
    .finally(refresh);
}

/** One file in the list of those on their way. */
class Row {
  constructor(name) {
    this.element = document.createElement("li");
    this.element.innerHTML = '<span class="name break" dir="auto"></span><progress max="1" value="0"></progress><span class="told"></span>';
    [this.name, this.bar, this.told] = this.element.children;
    this.name.textContent = name;
    this.bar.setAttribute("aria-label", name);
    this.told.textContent = words.waiting;
    list.append(this.element);
  }

  sent(part) {
    this.bar.value = part;
    this.told.textContent = words.sent.replace("%", Math.round(part * 100));
  }

  seen(document) {
    if (document.state === "reading") this.bar.removeAttribute("value");
    this.told.textContent = words[document.state] ?? document.state;
  }

  end(state, reason) {
    this.bar.remove();
    this.element.dataset.state = state;
    this.told.textContent = reason ? `${words[state]}: ${reason}` : words[state];
  }
}

if (drop) {
  takesDrops(document.querySelector("main"), take);
  document.getElementById("files").addEventListener("change", (event) => {
    take([...event.target.files]);
    event.target.value = "";
  });
}

// The list

async function refresh() {
  const html = await (await send(location.href, { method: "GET" })).text();
  const fresh = new DOMParser().parseFromString(html, "text/html").getElementById("documents");
  const there = document.getElementById("documents");
  const typing = there.contains(document.activeElement) && document.activeElement.matches("input, select");
  if (fresh && !typing) there.replaceWith(fresh);
}

async function keepUp() {
  for (let last = null; ; ) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    const there = document.getElementById("documents");
    if (there.dataset.unread === undefined || document.hidden) continue;
    const now = await (await send(there.dataset.progress, { method: "GET" })).text();
    if (now !== last) await refresh();
    last = now;
  }
}

keepUp().catch(() => {}); // Whoever went offline or was signed out loads the page again.

// Removing

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-removes]");
  if (!button) return;
  const form = document.getElementById("removal-form");
  form.action = `${form.dataset.place}${encodeURIComponent(button.dataset.removes)}/remove`;
  document.getElementById("removal-name").textContent = button.dataset.title;
  document.getElementById("removal").showModal();
});
