// SPDX-License-Identifier: Apache-2.0
// The tabs at the bottom, within reach of a thumb.
import { fill, h } from "../offline/dom.js";
import { say } from "../offline/words.js";

const TABS = [["", "today"], ["cases", "cases"], ["report", "report"], ["map", "map"], ["outbox", "outbox"]];

let bar = null;

export function tabs(app) {
  if (!app.setup) return;
  bar ??= document.getElementById("app").appendChild(h("nav", { class: "tabs", "aria-label": say("menu") }));
  const here = location.hash.split("/")[1] ?? "";
  const count = app.waiting + app.deciding;
  fill(bar, TABS.map(([screen, name]) => h("a", { href: `#/${screen}`, "aria-current": screen === here ? "page" : null, class: screen === "report" ? "tab-main" : null },
    say(name), screen === "outbox" && count ? h("span", { class: `tab-count${app.deciding ? " tab-decide" : ""}` }, String(count)) : null)));
}
