// SPDX-License-Identifier: Apache-2.0
// Reporting a problem: a photo, a place, a few words. The rest may be left to the intake desk.
import { fill, h } from "../offline/dom.js";
import { ago, say } from "../offline/words.js";
import { Entry } from "./entry.js";
import { form } from "./case.js";
import { page, part } from "./parts.js";
import { operate } from "./work.js";

/** `report`: drafts and a new one; `report/<id>`: that draft, or a new one for a task (`report/new/<task>`). */
export async function showReport(app, [id, task]) {
  const drafts = (await app.store.list("drafts")).filter((draft) => draft.secret.kind === "report").reverse();
  if (!id && drafts.length) {
    return fill(app.main, page(
      h("p", { class: "actions" }, h("a", { class: "button button-main button-large", href: "#/report/new" }, say("new_report"))),
      part("drafts", say("drafts"), drafts.map((draft) => h("li", { class: "card" }, h("a", { class: "card-link", href: `#/report/${draft.id}` },
        h("span", { class: "card-title" }, draft.secret.values.title || say("new_report")),
        h("span", { class: "card-meta" }, h("span", {}, say("changed", { when: ago(draft.at) })), draft.photos ? h("span", {}, say("photos_n", { n: draft.photos })) : null)))))));
  }
  if (!id || id === "new") {
    // A draft has an address of its own, so that coming back finds it.
    history.replaceState(null, "", `#/report/${crypto.randomUUID()}${task ? `/${task}` : ""}`);
    return app.show();
  }
  return draw(app, id, task);
}

async function draw(app, id, task) {
  const rules = await app.store.kept("rules", { categories: [] });
  const entry = await Entry.open(app, id, { kind: "report", task: task ? Number(task) : null });
  app.busy = true;
  const danger = h("input", { type: "checkbox", id: "entry-emergency", onchange: () => entry.set("emergency", danger.checked) });
  danger.checked = Boolean(entry.values.emergency);
  return form(app, entry, {
    title: say("report"), under: "", to: "#/", button: say("send_report"),
    fields: [
      entry.pictures(say("photo_here")),
      entry.text("title", say("problem"), { hint: say("problem_hint"), must: true }),
      entry.place("place", say("place"), true),
      categories(entry, rules.categories.filter((it) => !it.type || it.type === "urban_management.case")),
      entry.text("address", say("address")),
      entry.text("description", say("description"), { rows: 3 }),
      h("label", { class: "choice", for: "entry-emergency" }, danger, h("span", {}, say("is_emergency"))),
    ],
    missing: () => [!entry.values.title?.trim() && say("problem"), !entry.values.place && say("place")],
    async done() {
      const { title, place, category = "", address = "", description = "", emergency = false } = entry.values;
      await operate(app, "report", {
        type: "urban_management.case", title: title.trim(), description, category, address, emergency, lon: place.lon, lat: place.lat, accuracy_m: place.accuracy_m ?? null,
        photos: entry.photos.map((photo) => photo.sha256), ...(entry.secret.task ? { task: entry.secret.task } : {}),
      }, { title: say("op_report", { what: title.trim() }), photos: await entry.whole(), also: entry.ended() });
    },
  });
}

function categories(entry, all) {
  const groups = Map.groupBy(all, (one) => one.group);
  const list = h("select", { id: "entry-category", onchange: () => entry.set("category", list.value) },
    h("option", { value: "" }, say("category_later")),
    [...groups].map(([group, ones]) => h("optgroup", { label: group }, ones.map((one) => h("option", { value: one.code, selected: one.code === entry.values.category }, one.name)))));
  return h("div", { class: "entry question" }, h("label", { for: "entry-category" }, h("span", { class: "question-label" }, say("category"))), list);
}
