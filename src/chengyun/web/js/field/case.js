// SPDX-License-Identifier: Apache-2.0
// One case: what is known of it, and the steps this person may take.
import { fill, h } from "../offline/dom.js";
import { NotNow } from "../offline/network.js";
import { clock, say } from "../offline/words.js";
import { Entry, picture } from "./entry.js";
import { back, due, page, part } from "./parts.js";
import { speak } from "./sync.js";
import { before, caseHere, operate } from "./work.js";


export async function showCase(app, [number]) {
  const one = await caseHere(app, number);
  if (!one) return fill(app.main, page(back("#/cases"), h("p", { class: "notice" }, say("not_found"))));
  const rules = await app.store.kept("rules", { categories: [] });
  const category = rules.categories.find((it) => it.code === one.category)?.name ?? one.category;
  const local = one.number.startsWith("local:");
  const name = encodeURIComponent(one.number);
  const pictures = h("div", { class: "pictures" });
  fill(app.main, page(
    back("#/cases"),
    h("div", { class: "form-head" }, h("h1", {}, one.title), one.emergency ? h("span", { class: "badge badge-emergency" }, say("emergency")) : null),
    h("p", { class: "card-meta" }, h("strong", {}, one.state_name), due(one), local ? null : h("span", {}, one.number)),
    one.pending.map((item) => h("p", { class: "notice" }, say("waits_here", { what: item.secret.title }))),
    one.steps.length ? h("div", { class: "steps" }, one.steps.map((step, place) => h("a", { class: `button button-large${place === 0 ? " button-main" : ""}`, href: `#/step/${name}/${step.key}` }, step.name))) : h("p", { class: "hint" }, say("no_steps")),
    one.elsewhere ? h("p", { class: "hint" }, say("steps_at_desk")) : null,
    h("section", { class: "panel" }, h("div", { class: "panel-body lead" }, h("dl", { class: "facts" },
      fact("description", one.description), fact("category", category), fact("address", one.address), fact("owner", [one.owner, one.person].filter(Boolean).join(" · ")),
      one.lon === null ? null : [h("dt", {}, say("place")), h("dd", {}, h("a", { href: `#/map/${name}` }, say("directions")))]))),
    part("photos", say("photos"), one.photos.length || one.own?.length ? h("div", { class: "panel-body" }, pictures) : say("no_photos")),
    h("p", { class: "actions" }, h("a", { class: "button button-large", href: `#/note/${name}` }, say("add_note")), local ? null : h("a", { class: "button button-large", href: `#/edit/${name}` }, say("edit_case"))),
    part("history", say("history"), one.history.length ? one.history.toReversed().map((it) => h("li", { class: "card" }, h("p", {}, h("strong", {}, it.name), " ", h("span", { class: "hint" }, clock(it.at), " ", it.actor)), it.note || it.reason ? h("p", {}, [it.reason, it.note].filter(Boolean).join(" · ")) : null)) : [])));
  return showPhotos(app, one, pictures);
}

const fact = (name, text) => (text ? [h("dt", {}, say(name)), h("dd", {}, text)] : null);

/** Show what is here of a case's photos; fetch and keep the rest while there is a network. */
async function showPhotos(app, one, node) {
  for (const photo of one.own ?? []) {
    const bytes = await app.store.bytes(`${one.local}/${photo.sha256}`);
    if (bytes) node.append(picture(bytes, photo.type, say("photo_here")));
  }
  for (const [place, photo] of one.photos.entries()) {
    const id = `case:${one.number}/${photo.sha256}`;
    let bytes = await app.store.bytes(id);
    if (!bytes && app.online) {
      bytes = await speak(app, `/field/photos/${photo.sha256}?size=small`).then((answer) => answer.arrayBuffer(), () => null);
      if (bytes) await app.store.write({ table: "blobs", id, bytes });
    }
    node.append(picture(bytes, "image/jpeg", say("photo_of", { n: place + 1 }), photo.at ? h("figcaption", { class: "hint" }, clock(photo.at)) : null));
  }
}

export async function showStep(app, [number, key]) {
  const one = await caseHere(app, number);
  const step = one?.steps.find((it) => it.key === key);
  if (!step) return app.go(one ? `#/case/${encodeURIComponent(number)}` : "#/cases");
  const needs = new Set(step.needs);
  const entry = await Entry.open(app, `step:${number}:${key}`, { kind: "step", number, key, title: `${step.name} · ${one.title}` });
  app.busy = true;
  return form(app, entry, {
    title: step.name, under: one.title, to: `#/case/${encodeURIComponent(number)}`, button: say("confirm_step", { name: step.name }),
    fields: [
      // A photo belongs to nearly every deed outside, also where the rule does not ask for one.
      entry.pictures(say(/done/.test(key) ? "photo_after" : "photo_here"), needs.has("photo")),
      needs.has("reason") ? entry.text("reason", say("reason"), { must: true, rows: 2 }) : null,
      entry.text("note", say("note"), { rows: 3, must: needs.has("note") }),
      needs.has("until") ? entry.text("until", say("until_when"), { type: "datetime-local", must: true }) : null,
      entry.place("place", say("place"), needs.has("place")),
    ],
    missing: () => [
      needs.has("photo") && !entry.photos.length && say("photos"), needs.has("reason") && !entry.values.reason?.trim() && say("reason"),
      needs.has("note") && !entry.values.note?.trim() && say("note"), needs.has("until") && !entry.values.until && say("until_when"),
      needs.has("place") && !entry.values.place && say("place"),
    ],
    async done() {
      const { reason = "", note = "", until, place } = entry.values;
      await operate(app, "step", {
        case: one.number, transition: key, reason, note, photos: entry.photos.map((photo) => photo.sha256),
        ...(place ? { lon: place.lon, lat: place.lat } : {}), ...(until ? { until: new Date(until).toISOString() } : {}),
      }, { base: { state: one.state, version: one.version }, after: before(one), title: step.name, photos: await entry.whole(), also: entry.ended() });
    },
  });
}

export async function showNote(app, [number]) {
  const one = await caseHere(app, number);
  if (!one) return app.go("#/cases");
  const entry = await Entry.open(app, `note:${number}`, { kind: "note", number, title: `${say("add_note")} · ${one.title}` });
  app.busy = true;
  return form(app, entry, {
    title: say("add_note"), under: one.title, to: `#/case/${encodeURIComponent(number)}`, button: say("add_note"),
    fields: [entry.text("text", say("description"), { rows: 4, must: true }), entry.pictures(say("photo_here"))],
    missing: () => [!entry.values.text?.trim() && say("description")],
    done: async () => operate(app, "note", { case: one.number, text: entry.values.text, photos: entry.photos.map((photo) => photo.sha256) }, { after: before(one), title: say("op_note"), photos: await entry.whole(), also: entry.ended() }),
  });
}

export async function showEdit(app, [number]) {
  const one = await caseHere(app, number);
  if (!one) return app.go("#/cases");
  const names = ["title", "description", "address"];
  const entry = await Entry.open(app, `edit:${number}`, { kind: "edit", number, title: `${say("edit_case")} · ${one.title}` });
  for (const name of names) entry.values[name] ??= one[name];
  app.busy = true;
  const changed = () => names.filter((name) => entry.values[name] !== one[name]);
  return form(app, entry, {
    title: say("edit_case"), under: one.title, to: `#/case/${encodeURIComponent(number)}`, button: say("save_edit"),
    fields: [entry.text("title", say("problem"), { must: true }), entry.text("description", say("description"), { rows: 4 }), entry.text("address", say("address"))],
    missing: () => [!entry.values.title.trim() && say("problem")],
    async done() {
      const pick = (from) => Object.fromEntries(changed().map((name) => [name, from[name]]));
      if (!changed().length) return entry.drop();
      return operate(app, "edit", { case: one.number, fields: pick(entry.values) }, { base: { version: one.version, fields: pick(one) }, after: before(one), title: say("op_edit"), also: entry.ended() });
    },
  });
}

/** Draw a form of fields with one button at its end. missing: words for what is not there yet. */
export function form(app, entry, { title, under, to, button, fields, missing, done }) {
  const wrong = h("p", { class: "notice notice-bad", role: "alert", hidden: true });
  const finish = h("button", { type: "button", class: "button button-main button-large form-finish", onclick: async () => {
    const lacking = missing().filter(Boolean);
    wrong.hidden = !lacking.length;
    wrong.textContent = lacking.length ? say("missing", { what: lacking.join("、") }) : "";
    if (lacking.length) return;
    finish.disabled = true;
    try {
      await done();
      app.go(to);
    } catch (failed) {
      finish.disabled = false;
      if (!(failed instanceof NotNow)) throw failed;
    }
  } }, button);
  const drop = h("button", { type: "button", class: "button button-large", onclick: async () => {
    if ((entry.photos.length || Object.keys(entry.values).length) && !confirm(say("delete_sure"))) return;
    await entry.drop();
    app.go(to);
  } }, say("delete_draft"));
  fill(app.main, page(back(to), h("h1", {}, title), under ? h("p", { class: "hint" }, under) : null, fields, wrong, h("div", { class: "form-end" }, finish, drop, entry.saved)));
  app.main.dataset.ready = "form";
  scrollTo(0, 0);
}

