// SPDX-License-Identifier: Apache-2.0
// The switch between light and dark is a link that works without us; here it works without loading the page again.

export function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

/** Return a CSS custom colour as the browser resolves it now, e.g. colour("--line"). */
export function colour(name) {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

/** Call back whenever light becomes dark or dark light. */
export function onTheme(callback) {
  document.addEventListener("theme", callback);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", callback);
}

export function startTheme() {
  const link = document.querySelector("[data-theme-switch]");
  link?.addEventListener("click", (event) => {
    event.preventDefault();
    const next = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    document.cookie = `theme=${next}; path=/; max-age=31536000; samesite=lax`;
    document.dispatchEvent(new Event("theme"));
  });
}
