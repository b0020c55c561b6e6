// SPDX-License-Identifier: Apache-2.0
// Pieces the field screens are made of.
import { h } from "../offline/dom.js";
import { ago, clock, say } from "../offline/words.js";

export const page = (...children) => h("div", { class: "app-page stack" }, ...children);

export const back = (to = "#/") => h("p", { class: "crumbs" }, h("a", { href: to }, say("back")));

export function part(id, title, content, note = null) {
  const body = Array.isArray(content) ? h("ul", { class: "cards" }, content) : typeof content === "string" ? h("p", { class: "empty" }, content) : content;
  return h("section", { class: "panel", "aria-labelledby": `part-${id}` }, h("div", { class: "panel-head" }, h("h2", { id: `part-${id}` }, title), note ? h("p", { class: "note" }, note) : null), body);
}

export function caseCard(one) {
  return h("li", { class: "card" }, h("a", { class: "card-link", href: `#/case/${encodeURIComponent(one.number)}` },
    h("span", { class: "card-title" }, one.emergency ? h("span", { class: "badge badge-emergency" }, say("emergency")) : null, one.emergency ? " " : null, one.title),
    h("span", { class: "card-meta" }, h("span", {}, one.state_name), due(one), one.number.startsWith("local:") ? null : h("span", {}, one.number),
      one.pending.length ? h("span", { class: "waits" }, say("waits_here", { what: one.pending.map((item) => item.secret.title).join("、") })) : null),
    one.address ? h("span", { class: "card-meta" }, one.address) : null));
}

export function due(one) {
  if (!one.due_at || one.ended) return null;
  const late = new Date(one.due_at) < new Date();
  return h("span", { class: late ? "wrong" : null }, late ? say("overdue", { when: ago(one.due_at) }) : say("due", { when: clock(one.due_at) }));
}

/** Emergencies first, then what is due first. */
export const byUrgency = (one, other) => Number(other.emergency) - Number(one.emergency) || (one.due_at ?? "9").localeCompare(other.due_at ?? "9");
