// SPDX-License-Identifier: Apache-2.0
// What is to be filled in, what is begun, what waits and what has arrived.
import { fill, h } from "../offline/dom.js";
import { DECIDE } from "../offline/outbox.js";
import { ago, clock, say } from "../offline/words.js";
import { formName } from "./traffic.js";

export async function showHome(app) {
  const { store, setup } = app;
  const [drafts, names, roomLine] = [await store.list("drafts"), new Set(await store.keptNames()), await app.roomLine()];
  const here = (form) => form && names.has(formName(form.key, form.version));
  const forms = new Map(setup.forms.map((form) => [form.key, form]));
  fill(app.main, h("div", { class: "app-page stack" },
    drafts.length ? part("drafts", drafts.reverse().map((one) => card(`#/draft/${one.id}`, one.secret.title, [
      say("changed", { when: ago(one.at) }), one.photos ? say("photos_n", { n: one.photos }) : null,
      forms.get(one.secret.form)?.version !== one.secret.version ? h("span", { class: "badge" }, say("other_version")) : null,
    ]))) : null,
    part("tasks", setup.tasks.length ? setup.tasks.map((task) => {
      const late = task.due && new Date(task.due) < new Date();
      return card(here(forms.get(task.form)) ? `#/task/${task.id}` : null, task.title, [
        task.area, task.due ? h("span", { class: late ? "wrong" : null }, say(late ? "late" : "due", { when: clock(task.due) })) : null,
        say(task.mine ? "for_me" : "anybody"), here(forms.get(task.form)) ? null : say("not_here"),
      ]);
    }) : say("no_tasks")),
    part("forms", setup.forms.length ? setup.forms.map((form) => card(here(form) ? `#/new/${encodeURIComponent(form.key)}` : null, form.title, [
      say("minutes", { n: form.minutes }), say("version", { version: form.version }), here(form) ? null : say("not_here"),
    ])) : say("no_forms")),
    roomLine));
}

export async function showOutbox(app) {
  const { store } = app;
  const [items, sent, roomLine] = [await store.list("outbox"), await store.kept("sent", []), await app.roomLine()];
  fill(app.main, h("div", { class: "app-page stack" },
    h("p", { class: "crumbs" }, h("a", { href: "#/" }, say("back"))),
    part("outbox", items.length ? [
      items.map((item) => h("li", { class: "card" }, h("p", { class: "card-title" }, item.secret.title),
        h("p", { class: "card-meta" }, h("span", {}, say("since", { when: ago(item.at) })), item.photos ? h("span", {}, say("photos_n", { n: item.photos })) : null),
        item.state === DECIDE ? [
          h("p", { class: "wrong" }, item.said),
          h("p", { class: "actions" },
            h("button", { type: "button", class: "button button-large", onclick: () => app.outbox.again(item).then(() => app.show()) }, say("try_again")),
            h("button", { type: "button", class: "button button-large", onclick: () => reopen(app, item) }, say("edit_again")),
            h("button", { type: "button", class: "button button-large", onclick: () => drop(app, item) }, say("delete"))),
        ] : null)),
      h("li", { class: "card" }, h("button", { type: "button", class: "button button-main button-large", onclick: () => app.refresh().then(() => app.show()) }, say("send_now"))),
    ] : say("all_sent")),
    part("sent", sent.length ? sent.map((one) => h("li", { class: "card" }, h("p", { class: "card-title" }, one.title),
      h("p", { class: "card-meta" }, h("span", { class: "status status-fresh" }, clock(one.arrived)), one.retired ? h("span", {}, say("sent_retired")) : null,
        one.faults ? h("span", { class: "wrong" }, say("sent_faults", { n: one.faults })) : null))) : say("nothing_sent")),
    roomLine));
}

async function reopen(app, item) {
  const { id, secret, photos } = item;
  await app.store.write({ table: "drafts", id, plain: { at: Date.now(), photos }, secret }, { table: "outbox", id, gone: true });
  await app.tell();
  app.go(`#/draft/${id}`);
}

async function drop(app, item) {
  if (!confirm(say("delete_sure"))) return;
  await app.store.write({ table: "outbox", id: item.id, gone: true }, { table: "blobs", id: item.id, gone: true });
  await app.tell();
  app.show();
}

function part(name, content) {
  const list = Array.isArray(content) ? h("ul", { class: "cards" }, content) : h("p", { class: "empty" }, content);
  return h("section", { class: "panel", "aria-labelledby": `part-${name}` }, h("div", { class: "panel-head" }, h("h2", { id: `part-${name}` }, say(name))), list);
}

function card(href, title, notes) {
  const inside = [h("span", { class: "card-title" }, title), h("span", { class: "card-meta" }, notes.filter(Boolean).map((note) => (typeof note === "string" ? h("span", {}, note) : note)))];
  return h("li", { class: "card" }, href ? h("a", { class: "card-link", href }, inside) : h("div", { class: "card-link card-off" }, inside));
}
