// SPDX-License-Identifier: Apache-2.0
// The intake desk by keyboard: J and K go through the queue, A accepts, M joins the first twin, R and Q begin to write.

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, [contenteditable]")) return;
  const key = event.key.toLowerCase();
  if (key === "j" || key === "k") {
    go(key === "j" ? 1 : -1);
  } else if (key === "a" || key === "m") {
    const button = document.querySelector(`[data-key="${key}"]`);
    if (!button) return;
    // Asks for what is missing, as a press would; what cannot be undone here can be on the case.
    button.form.requestSubmit(button);
  } else if (key === "r" || key === "q") {
    document.querySelector(`[data-focus="${key}"]`)?.focus();
  } else {
    return;
  }
  event.preventDefault();
});

document.addEventListener("click", (event) => {
  const chosen = event.target.closest("[data-category]");
  const select = document.querySelector("#category");
  if (chosen && select) select.value = chosen.dataset.category;
});

function go(step) {
  const links = [...document.querySelectorAll("[data-queue] a")];
  const at = links.findIndex((link) => link.hasAttribute("aria-current"));
  links[at + step]?.click();
}
