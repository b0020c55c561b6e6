// SPDX-License-Identifier: Apache-2.0
// `form[data-deed]` does one thing and shows the page that comes of it in place of `main`, without a new page load. A
// refusal is a page too, with its reason. Without this the same form posts as any form does.

export function startDeeds() {
  document.addEventListener("submit", async (event) => {
    const form = event.target.closest("form[data-deed]");
    if (!form || event.defaultPrevented) return;
    event.preventDefault();
    const button = event.submitter;
    // What the pressed button says, and where it leads, goes with the form; a disabled button would say nothing.
    const body = new FormData(form, button);
    const address = button?.hasAttribute("formaction") ? button.formAction : form.action;
    if (button) button.disabled = true;
    try {
      const answer = await fetch(address, { method: "POST", body, headers: { Accept: "text/html" } });
      const next = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("#main");
      if (!next) throw new Error(`${answer.status}`);
      show(next, answer);
    } catch {
      // Whatever went wrong on the way, the browser's own way shows it.
      if (button?.name) form.append(Object.assign(document.createElement("input"), { type: "hidden", name: button.name, value: button.value }));
      form.action = address;
      form.submit();
    }
  });
}

function show(next, answer) {
  document.querySelector("#main").replaceWith(next);
  window.htmx.process(next);
  // After a refusal the address stays that of the page, so that loading it again repeats nothing.
  if (answer.redirected) history.replaceState(null, "", answer.url);
  const said = next.querySelector("[role=alert], [role=status] .notice");
  if (said) {
    said.tabIndex = -1;
    said.focus();
  } else {
    next.focus();
  }
}
