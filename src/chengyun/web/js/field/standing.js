// SPDX-License-Identifier: Apache-2.0
// How things stand between this device and the server: what is to be decided, what waits and since when, what came of the rest.
import { fill, h } from "../offline/dom.js";
import { WAITING } from "../offline/outbox.js";
import { ago, clock, say } from "../offline/words.js";
import { page, part } from "./parts.js";
import { decisionsOpen, operate } from "./work.js";

const CLOCK_MS = 60_000;

export async function showStanding(app) {
  const { store } = app;
  const [decisions, items, results, sync, roomLine] = [await decisionsOpen(app), await store.list("outbox"), await store.kept("results", []), await store.kept("sync"), await app.roomLine()];
  fill(app.main, page(
    sync?.clock?.warn ? h("p", { class: "notice notice-bad" }, say("clock_wrong", { n: Math.round(Math.abs(sync.clock.offset_ms) / CLOCK_MS) })) : null,
    decisions.length ? part("decisions", say("decisions"), decisions.map((one) => decision(app, one))) : null,
    part("waiting", say("waiting"), items.length ? items.map((item) => h("li", { class: "card", "data-state": item.state },
      h("p", { class: "card-title" }, item.secret.title),
      h("p", { class: "card-meta" }, h("span", {}, item.state === WAITING ? say("waiting") : say(item.held === "after" ? "held_after" : "held")), h("span", {}, say("since", { when: ago(item.at) })), item.photos ? h("span", {}, say("photos_n", { n: item.photos })) : null))) : say("all_sent"),
      sync ? say("last_sync", { when: ago(sync.at) }) : say("never_synced")),
    h("button", { type: "button", class: "button button-main button-large", onclick: () => app.refresh().then(() => app.show()) }, say("send_now")),
    part("results", say("results"), results.length ? results.map((one) => h("li", { class: "card" },
      one.case ? h("a", { class: "card-link", href: `#/case/${encodeURIComponent(one.case)}` }, told(one)) : h("div", { class: "card-link" }, told(one)))) : say("no_results")),
    roomLine));
}

function told(one) {
  return [
    h("span", { class: "card-title" }, one.title || one.case),
    h("span", { class: "card-meta" }, h("span", { class: `status ${["decide", "invalid"].includes(one.state) ? "status-bad" : "status-fresh"}` }, word(one.state)), h("span", {}, clock(one.at)), one.case ? h("span", {}, one.case) : null),
    one.sentence ? h("span", {}, one.sentence) : null,
    one.merged.map((it) => h("span", { class: "hint" }, say("merged_field", { field: it.field, mine: it.mine ?? "—", theirs: it.theirs ?? "—", taken: it.taken ?? "—", by: it.by ?? "—" }))),
  ];
}

const word = (state) => (state === "waiting" ? say("held") : say(`state_${state}`));

function decision(app, one) {
  const decide = (choice) => async (event) => {
    for (const button of event.target.closest(".card").querySelectorAll("button")) button.disabled = true;
    await operate(app, "decide", { operation: one.operation, choice, ...(one.kind === "twin" ? { values: { case: one.now.case } } : {}) }, { title: say("op_decide") });
    app.asked = (await decisionsOpen(app)).length;
    await app.tell();
    app.show();
  };
  return h("li", { class: "card decision" },
    h("p", { class: "card-title" }, one.sentence),
    h("p", { class: "card-meta" }, one.case ? h("a", { href: `#/case/${encodeURIComponent(one.case)}` }, one.case) : null, h("span", {}, say("since", { when: ago(one.since) }))),
    h("dl", { class: "facts" }, facts("was", one.was), facts("now", one.now), facts("mine", one.mine)),
    h("div", { class: "steps" }, one.choices.map((choice) => h("div", { class: "decision-choice" },
      h("button", { type: "button", class: "button button-large", onclick: decide(choice.key) }, choice.name), choice.says ? h("p", { class: "hint" }, choice.says) : null))));
}

function facts(name, values) {
  const said = Object.entries(values ?? {}).filter(([key, value]) => value !== "" && value !== null && !["version", "lon", "lat", "case", "state", "transition"].includes(key) && typeof value !== "object");
  const text = said.map(([key, value]) => (key === "at" ? clock(value) : String(value))).join(" · ");
  return text ? [h("dt", {}, say(name)), h("dd", {}, text)] : null;
}
