// SPDX-License-Identifier: Apache-2.0
// What today asks: duty, tasks, cases.
import { fill, h } from "../offline/dom.js";
import { clock, say } from "../offline/words.js";
import { back, byUrgency, caseCard, page, part } from "./parts.js";
import { casesHere, operate, tasksHere } from "./work.js";

export async function showToday(app) {
  const [cases, tasks, rules, drafts] = [await casesHere(app), await tasksHere(app), await app.store.kept("rules"), await app.store.list("drafts")];
  const mine = cases.filter((one) => one.mine && !one.ended).sort(byUrgency);
  const open = tasks.filter((one) => one.state === "open" || one.state === "started");
  const begun = drafts.filter((draft) => draft.secret.kind !== "report" && draft.secret.title);
  fill(app.main, page(
    duty(app, rules),
    begun.length ? part("drafts", say("drafts"), begun.map((draft) => h("li", { class: "card" }, h("a", { class: "card-link", href: draftOf(draft.secret) }, h("span", { class: "card-title" }, draft.secret.title))))) : null,
    part("tasks", say("tasks"), open.length ? open.map(taskCard) : say("no_tasks")),
    part("mine", say("my_cases"), mine.length ? mine.map(caseCard) : say("no_cases"))));
}

const draftOf = ({ kind, number, key }) => `#/${kind}/${encodeURIComponent(number)}${key ? `/${key}` : ""}`;

function duty(app, rules) {
  const { on, recorded, stopped, lock } = app.duty;
  return h("section", { class: "panel duty", "data-on": String(Boolean(on)), "aria-label": say(on ? "on_duty" : "off_duty") },
    h("div", { class: "duty-said", "aria-live": "polite" }, on ? [
      h("strong", {}, say("duty_since", { when: clock(on.since) })),
      h("span", { class: stopped ? "wrong" : "recording" }, stopped ? say("recording_stopped", { reason: stopped }) : say("recording", { n: recorded })),
      h("span", { class: "hint" }, say(lock ? "screen_on" : "screen_may_sleep")),
    ] : [h("span", {}, say("duty_off_hint")), rules ? h("span", { class: "hint" }, say("tracks_kept", { n: rules.keep_tracks_days })) : null]),
    h("button", { type: "button", class: `button button-large${on ? "" : " button-main"}`, onclick: async (event) => {
      event.target.disabled = true;
      await (on ? app.duty.stop() : app.duty.start());
      app.show();
    } }, say(on ? "off_duty" : "on_duty")));
}

export async function showCases(app) {
  const cases = await casesHere(app);
  const mine = cases.filter((one) => one.mine && !one.ended).sort(byUrgency);
  const area = cases.filter((one) => !one.mine && !one.ended).sort(byUrgency);
  const ended = cases.filter((one) => one.ended);
  fill(app.main, page(
    part("mine", say("my_cases"), mine.length ? mine.map(caseCard) : say("no_cases"), String(mine.length)),
    part("area", say("area_cases"), area.length ? area.map(caseCard) : say("no_cases"), String(area.length)),
    ended.length ? part("ended", say("ended_cases"), ended.map(caseCard), String(ended.length)) : null));
}

function taskCard(task) {
  return h("li", { class: "card" }, h("a", { class: "card-link", href: `#/task/${task.id}` }, h("span", { class: "card-title" }, task.title),
    h("span", { class: "card-meta" }, h("span", {}, task.area_name), h("span", {}, say("until", { when: clock(task.until) })), h("span", {}, say(`task_${task.state}`)),
      task.cells ? h("span", {}, say("covered", { share: Math.round(task.share * 100), wanted: Math.round(task.wanted_share * 100) })) : null)));
}

export async function showTask(app, [id]) {
  const task = await app.store.kept(`task:${id}`);
  if (!task) return app.go("#/");
  const why = h("input", { id: "task-why", type: "text", value: task.note ?? "" });
  const change = async (state) => {
    const fields = state === "hindered" ? { state, note: why.value } : { state };
    const base = { fields: Object.fromEntries(Object.keys(fields).map((name) => [name, task[name] ?? ""])) };
    await operate(app, "task", { task: task.id, fields }, { base, title: say("op_task"), also: [{ table: "kept", id: `task:${id}`, secret: { ...task, ...fields } }] });
    app.go("#/");
  };
  const large = (name, state, main) => h("button", { type: "button", class: `button button-large${main ? " button-main" : ""}`, onclick: () => change(state) }, say(name));
  return fill(app.main, page(back(), h("h1", {}, task.title),
    h("p", { class: "card-meta" }, h("span", {}, task.area_name), h("span", {}, say("until", { when: clock(task.until) })), h("span", {}, say(`task_${task.state}`))),
    task.note ? h("p", {}, task.note) : null,
    task.cells ? h("p", { class: "notice" }, say("covered", { share: Math.round(task.share * 100), wanted: Math.round(task.wanted_share * 100) })) : null,
    h("div", { class: "steps" }, task.state === "open" ? large("start_task", "started", true) : null, task.state === "started" ? large("finish_task", "done", true) : null,
      task.case ? h("a", { class: "button button-large", href: `#/case/${task.case}` }, say("case_of", { number: task.case })) : null,
      h("a", { class: "button button-large", href: `#/map/task/${task.id}` }, say("map")), h("a", { class: "button button-large", href: `#/report/new/${task.id}` }, say("report"))),
    h("div", { class: "entry question" }, h("label", { for: "task-why" }, h("span", { class: "question-label" }, say("why"))), why, h("p", { class: "actions" }, large("hinder_task", "hindered", false)))));
}
