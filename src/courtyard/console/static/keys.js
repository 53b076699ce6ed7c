// A form that was refused is shown again, with what was wrong in it.

document.querySelector("dialog[data-open]")?.showModal();
