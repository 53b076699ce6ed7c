// A tab in the candidate indents it, as in any editor; Escape and then a tab leaves it.

const sheet = document.getElementById("sheet");
let leaving = false;

sheet.addEventListener("keydown", (event) => {
  if (event.key === "Escape") leaving = true;
  else if (event.key === "Tab" && !event.shiftKey && !leaving) {
    event.preventDefault();
    sheet.setRangeText("  ", sheet.selectionStart, sheet.selectionEnd, "end");
  } else leaving = false;
});
