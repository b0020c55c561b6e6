// SPDX-License-Identifier: Apache-2.0
// What a person has to do, as it will stand once what waits here has been done: the server's word with their own upon it.
import { DECIDE, WAITING } from "../offline/outbox.js";
import { say } from "../offline/words.js";

/** What a phone can ask for; a step that needs more is taken at the desk. */
const ASKABLE = new Set(["note", "reason", "photo", "place", "until"]);

export async function casesHere(app) {
  const [cases, operations] = await Promise.all([kept(app, "case:"), app.store.list("outbox")]);
  const rules = await app.store.kept("rules", { types: {}, person: { roles: [] } });
  const own = operations.filter((item) => item.secret.op.kind === "report").map((item) => localCase(item));
  return [...own, ...cases].map((one) => ahead(one, operations, rules));
}

export async function caseHere(app, number) {
  return (await casesHere(app)).find((one) => one.number === number) ?? null;
}

export const tasksHere = (app) => kept(app, "task:");

async function kept(app, prefix) {
  const names = (await app.store.keptNames()).filter((name) => name.startsWith(prefix));
  return Promise.all(names.map((name) => app.store.kept(name)));
}

function localCase({ id, at, secret }) {
  const { data } = secret.op;
  return {
    number: `local:${id}`, version: 0, type: "urban_management.case", state: "", state_name: say("waits_here", { what: say("report") }), title: data.title,
    category: data.category, description: data.description, address: data.address, lon: data.lon, lat: data.lat, owner: "", person: "", mine: true,
    emergency: Boolean(data.emergency), opened_at: new Date(at).toISOString(), due_at: null, ended: false, steps: [], history: [], photos: [], local: id, own: secret.photos,
  };
}

/** Return a case with what waits for it: `pending` operations, and the steps possible after them. */
function ahead(one, operations, rules) {
  const pending = operations.filter((item) => item.state !== DECIDE && [one.number, one.local && `local:${one.local}`].includes(item.secret.op.data.case));
  const steps = pending.filter((item) => item.secret.op.kind === "step");
  const type = rules.types[one.type];
  let state = one.state;
  for (const item of steps) state = type?.transitions.find((it) => it.key === item.secret.op.data.transition && it.source === state)?.to ?? state;
  const possible = steps.length && type
    ? type.transitions.filter((it) => it.source === state && it.by.some((role) => rules.person.roles.includes(role)))
    : one.steps;
  return {
    ...one, pending, state, state_name: steps.length ? type?.states[state]?.name ?? one.state_name : one.state_name,
    steps: possible.filter((step) => step.needs.every((need) => ASKABLE.has(need))), elsewhere: possible.some((step) => !step.needs.every((need) => ASKABLE.has(need))),
    ended: type?.states[state]?.ended ?? one.ended,
  };
}

/**
 * Write an operation, with its photos, and begin to send it. after: ids of operations that come first. also: further changes of
 * the same transaction, e.g. the end of its draft. photos: {sha256, type, taken, lon, lat, accuracy_m, bytes}.
 */
export async function operate(app, kind, data, { base = {}, after = [], title, photos = [], also = [], at = new Date() }) {
  const id = crypto.randomUUID();
  const about = photos.map(({ sha256, type, taken, lon, lat, accuracy_m }) => ({ sha256, type, taken, lon, lat, accuracy_m }));
  await app.queue(
    {
      table: "outbox", id, plain: { at: Date.now(), state: WAITING, photos: photos.length, kind },
      secret: { op: { id, kind, at: at.toISOString(), after, data, base }, title, photos: about },
    },
    ...photos.map((photo) => ({ table: "blobs", id: `${id}/${photo.sha256}`, bytes: photo.bytes })), ...also);
  return id;
}

/** Return the ids an operation on a case must come after: the report it is about, and what waits for it already. */
export function before(one) {
  return [...new Set([...(one.number.startsWith("local:") ? [one.local] : []), ...one.pending.map((item) => item.id)])];
}

/** Return decisions that are not yet taken here. */
export async function decisionsOpen(app) {
  const [asked, operations] = await Promise.all([app.store.kept("decisions", []), app.store.list("outbox")]);
  const taken = new Set(operations.filter((item) => item.secret.op.kind === "decide").map((item) => item.secret.op.data.operation));
  return asked.filter((one) => !taken.has(one.operation));
}
