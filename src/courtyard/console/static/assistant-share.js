// A link by which people of one's organisation read a conversation, and its end.

import { Refused, copyText, given, send, toast } from "./page.js";

const words = given("assistant-words");
const dialog = document.getElementById("share");
const button = document.getElementById("share-button");
const link = document.getElementById("share-link");

function show() {
  const { share } = button.dataset;
  link.value = share ? `${location.origin}/assistant/shared/${share}` : "";
  document.getElementById("share-there").hidden = !share;
  for (const id of ["share-revoke", "share-copy"]) document.getElementById(id).hidden = !share;
  document.getElementById("share-make").hidden = Boolean(share);
}

async function change(method) {
  const { conversation } = document.getElementById("assistant").dataset;
  try {
    const response = await send(`/api/assistant/conversations/${conversation}/share`, { method });
    button.dataset.share = method === "POST" ? (await response.json()).share : "";
    toast(method === "POST" ? words.share_made : words.share_revoked);
    show();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    toast(error.message, "problem");
  }
}

button.addEventListener("click", () => {
  show();
  dialog.showModal();
});
document.getElementById("share-make").addEventListener("click", () => change("POST"));
document.getElementById("share-revoke").addEventListener("click", () => change("DELETE"));
document.getElementById("share-copy").addEventListener("click", async () => {
  const copied = await copyText(link.value);
  toast(copied ? words.copied : words.copy_failed, copied ? "done" : "problem");
});
