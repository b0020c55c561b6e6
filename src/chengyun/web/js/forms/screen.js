// SPDX-License-Identifier: Apache-2.0
// The screen on which a form is filled in. Every change is kept on the device within half a second; leaving loses nothing.
import { settings } from "../offline/app.js";
import { fill, h } from "../offline/dom.js";
import { hash } from "../offline/photos.js";
import { WAITING } from "../offline/outbox.js";
import { clock, languageNow, say } from "../offline/words.js";
import { below, finished, openForm, snapshot } from "./form.js";
import { childrenIn } from "./nodes.js";
import { formName } from "./traffic.js";

const KEEP_AFTER_MS = 400;

/** Show a new form (`new/<key>`, `new/<key>/<subject>`), that of a task (`task/<id>`) or a draft (`draft/<id>`). */
export async function showForm(app, kind, [name, subject]) {
  fill(app.main, h("p", { class: "empty", "aria-live": "polite" }, say("loading_form")));
  try {
    const begun = await beginning(app, kind, name);
    if (!begun) return app.go("#/");
    if (kind === "new" && subject) return await askFirst(app, begun, subject);
    return await draw(app, begun);
  } catch (wrong) {
    return fill(app.main, h("div", { class: "app-page stack" }, h("p", { class: "notice notice-bad" }, say("form_broken", { reason: wrong.message })), h("p", {}, h("a", { href: "#/" }, say("back")))));
  }
}

/** Return {id, form, version, title, task, before, prefill}, null for what is not here. */
async function beginning(app, kind, name) {
  const { store, setup } = app;
  if (kind === "draft") {
    const draft = await store.read("drafts", name);
    if (!draft) return null;
    const files = await Promise.all(draft.secret.files.map(async (file) => ({ ...file, bytes: await store.bytes(`${name}/${file.name}`) })));
    return { ...draft.secret, id: name, before: { xml: draft.secret.xml, files: files.filter((file) => file.bytes) } };
  }
  const task = kind === "task" ? setup.tasks.find((one) => String(one.id) === name) : null;
  const form = setup.forms.find((one) => one.key === (task ? task.form : name));
  if (!form || (kind === "task" && !task)) return null;
  return { id: crypto.randomUUID(), form: form.key, version: form.version, title: task?.title || form.title, task: task?.id ?? null, before: null, prefill: task?.prefill ?? null };
}

/** Fill in what registers know of a subject, when there is a network, and the person agrees where the form asks that. */
async function askFirst(app, begun, subject) {
  const known = (consent) => fetch(`${settings.home}prefill/${encodeURIComponent(begun.form)}?${new URLSearchParams({ subject, ...(consent ? { consent: "1" } : {}) })}`, { headers: { Accept: "application/json" } });
  const filled = async (answer) => draw(app, { ...begun, prefill: (await answer.json()).prefill });
  const plain = (said) => draw(app, { ...begun, note: said });
  let answer;
  try {
    answer = await known(false);
  } catch {
    return plain(say("prefill_offline"));
  }
  if (answer.ok) return filled(answer);
  const told = await answer.json().catch(() => ({}));
  if (answer.status !== 409 || !told.consent) return plain(told.message || say("prefill_offline"));
  const agree = h("button", { type: "button", class: "button button-main button-large", onclick: async () => {
    const again = await known(true).catch(() => null);
    return again?.ok ? filled(again) : plain((await again?.json().catch(() => null))?.message || say("prefill_offline"));
  } }, say("prefill_agree"));
  const refuse = h("button", { type: "button", class: "button button-large", onclick: () => draw(app, begun) }, say("prefill_refuse"));
  fill(app.main, h("div", { class: "app-page stack" }, h("p", { class: "crumbs" }, h("a", { href: "#/" }, say("back"))), h("h1", {}, begun.title), h("p", {}, told.consent), h("p", { class: "hint" }, say("prefill_ask", { who: subject })), h("div", { class: "form-end" }, agree, refuse)));
  app.main.dataset.ready = "consent";
  agree.focus();
}

async function draw(app, begun) {
  const { store, setup } = app;
  const kept = await store.kept(formName(begun.form, begun.version));
  if (!kept) return fill(app.main, h("div", { class: "app-page" }, h("p", { class: "notice" }, say("not_here")), h("a", { href: "#/" }, say("back"))));
  const newest = setup.forms.find((one) => one.key === begun.form);
  const form = { checked: false, changed, look, around };
  let looking = false;
  let keeping = 0;
  let ended = false;
  let written = begun.before ? new Set(await store.bytesOf(begun.id)) : new Set();
  const started = Boolean(begun.before);
  let dirty = false;
  let refresh = () => {}; // the engine computes before there is anything to look at

  const { root } = await openForm(kept.xform, { before: begun.before, prefill: begun.prefill, deviceId: `chengyun:${deviceId()}`, username: setup.username, changed: () => look() });
  const language = root.languages.find((one) => (languageNow() === "en" ? /\ben\b|english/i : /\bzh\b|中文/i).test(one.language));
  if (language) root.setLanguage(language);

  const saved = h("p", { class: "hint form-saved", "aria-live": "polite" });
  const wrong = h("p", { class: "notice notice-bad", role: "alert", hidden: true });
  const inside = h("div", { class: "stack form-body" });
  refresh = childrenIn(inside, root, form);
  const choose = root.languages.length > 1 ? h("label", { class: "form-language" }, h("span", { class: "only-read" }, say("form_language")), h("select", { "aria-label": say("form_language"), onchange: (event) => { root.setLanguage(root.languages.find((one) => one.language === event.target.value)); look(); } },
    root.languages.map((one) => h("option", { value: one.language, selected: one.language === root.currentState.activeLanguage.language }, one.language)))) : null;
  const finish = h("button", { type: "button", class: "button button-main button-large form-finish", onclick: end }, say(app.online ? "finish" : "finish_offline"));
  const remove = h("button", { type: "button", class: "button button-large", onclick: discard }, say("delete_draft"));
  fill(app.main, h("div", { class: "app-page stack" },
    h("p", { class: "crumbs" }, h("a", { href: "#/" }, say("back"))),
    h("div", { class: "form-head" }, h("h1", {}, begun.title), choose),
    newest && newest.version !== begun.version ? h("p", { class: "notice" }, say("new_version_of_form", { version: newest.version })) : null,
    begun.prefill && Object.keys(begun.prefill).length ? h("p", { class: "notice" }, say(begun.task ? "prefilled" : "prefilled_register")) : null,
    begun.note ? h("p", { class: "notice" }, begun.note) : null,
    inside, wrong, h("div", { class: "form-end" }, finish, remove, saved)));
  app.busy = true; // news from the server does not draw this screen anew under somebody's hands
  look();
  addEventListener("pagehide", keepNow);
  document.addEventListener("visibilitychange", keepNow);
  addEventListener("hashchange", leave, { once: true });
  app.main.dataset.ready = "form";
  app.main.focus({ preventScroll: true });
  scrollTo(0, 0);

  function around() {
    return store.kept("outlines").then((outlines) => ({ outlines, bounds: settings.bounds }));
  }
  function changed() {
    dirty = true;
    clearTimeout(keeping);
    keeping = setTimeout(keepNow, KEEP_AFTER_MS);
    look();
  }
  function look() {
    if (looking) return;
    looking = true;
    queueMicrotask(() => {
      looking = false;
      refresh();
    });
  }
  async function keepNow() {
    clearTimeout(keeping);
    if (ended || !dirty) return;
    dirty = false;
    await keepDraft();
    if (!ended) saved.textContent = say("saved_at", { when: clock(Date.now()) });
  }
  async function keepDraft() {
    const { xml, files } = snapshot(root);
    const listed = [];
    const changes = [];
    for (const { name, file } of files) {
      const bytes = await file.arrayBuffer();
      listed.push({ name, type: file.type, sha256: await hash(bytes) });
      if (!written.has(name)) changes.push({ table: "blobs", id: `${begun.id}/${name}`, bytes });
    }
    if (ended) return;
    const { form: key, version, title, task } = begun;
    await store.write({ table: "drafts", id: begun.id, plain: { at: Date.now(), photos: files.length }, secret: { form: key, version, title, task, xml, files: listed } }, ...changes);
    written = new Set([...written, ...listed.map((one) => one.name)]);
  }
  async function end() {
    finish.disabled = true;
    const made = await finished(root);
    finish.disabled = false;
    if (made.violations) {
      form.checked = true;
      refresh();
      wrong.hidden = false;
      wrong.textContent = say("wrong_n", { n: made.violations.length });
      const first = [...below(root)].find((node) => node.nodeId === made.violations[0].nodeId);
      const question = document.getElementById(`${first.nodeId.replace(/\W/g, "-")}-question`);
      question?.scrollIntoView({ block: "center" });
      question?.querySelector("input, select, textarea, button")?.focus({ preventScroll: true });
      return;
    }
    ended = true;
    const { form: key, version, title, task } = begun;
    const files = made.files.map(({ name, type, sha256 }) => ({ name, type, sha256 }));
    const blobs = made.files.map(({ name, bytes }) => ({ table: "blobs", id: `${begun.id}/${name}`, bytes }));
    await app.queue(
      { table: "outbox", id: begun.id, plain: { at: Date.now(), state: WAITING, photos: files.length }, secret: { form: key, version, title, task, instance: made.instance, xml: made.xml, files } },
      ...blobs, { table: "drafts", id: begun.id, gone: true });
    leave();
    app.go("#/outbox");
  }
  async function discard() {
    if ((dirty || started || written.size) && !confirm(say("delete_sure"))) return;
    ended = true;
    leave();
    await store.write({ table: "drafts", id: begun.id, gone: true }, { table: "blobs", id: begun.id, gone: true });
    app.go("#/");
  }
  function leave() {
    keepNow();
    delete app.main.dataset.ready;
    removeEventListener("pagehide", keepNow);
    document.removeEventListener("visibilitychange", keepNow);
  }
}

/** Return a name for this browser on this device; it says nothing about whose it is. */
function deviceId() {
  const kept = localStorage.getItem("chengyun.device") ?? crypto.randomUUID();
  localStorage.setItem("chengyun.device", kept);
  return kept;
}
