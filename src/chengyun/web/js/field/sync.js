// SPDX-License-Identifier: Apache-2.0
// The field protocol (docs/field-work.md) from the device's side: operations go, changes come, photos follow in pieces. Nothing is
// forgotten here before the server has said what became of it.
import { settings } from "../offline/app.js";
import { NotNow, RefusedByServer, SignIn, ask } from "../offline/network.js";
import { DECIDE, WAITING } from "../offline/outbox.js";
import { say } from "../offline/words.js";

export const HELD = "held"; // the server has it and waits for a photo or for another operation
const FINAL = new Set(["applied", "merged", "settled"]);
const ASKED = new Set(["decide", "invalid"]);
const AT_ONCE = 100;
const PIECE = 512 * 1024;
const RESULTS = 100;

/** Return who works here when this device is enrolled; enrol it when somebody has signed in. Raises as `ask` does. */
export async function identify(app) {
  if (app.setup && (await app.store.kept("device"))) return app.setup;
  const setup = await (await ask(`${settings.home}setup.json`)).json();
  return setup.account === app.store?.account && (await enrol(app, setup)) ? setup : null;
}

export async function enrol(app, setup) {
  const answer = await ask("/field/devices", {
    method: "POST", headers: { "X-CSRFToken": setup.csrf, "Content-Type": "application/json" },
    body: JSON.stringify({ name: say("device_name", { name: setup.name }) }),
  });
  const { device, token } = await answer.json();
  await app.store.keep("device", { device, token, enrolled: Date.now() });
  return true;
}

/** One round: operations out and changes in, then photos, then what came of them. */
export async function round(outbox, app) {
  await exchange(app, outbox);
  if (await sendPhotos(app, outbox)) await exchange(app, outbox);
}

async function exchange(app, outbox) {
  for (let more = true; more; ) {
    more = await once(app);
    outbox.advanced();
  }
}

async function once(app) {
  const { store } = app;
  const sync = await store.kept("sync", { cursor: "", setup: "", last: null });
  const waiting = (await store.list("outbox")).filter((item) => item.state === WAITING);
  const sent = new Date().toISOString();
  const answer = await speak(app, "/field/sync", {
    method: "POST", headers: { "Content-Type": "application/json" }, within_s: 60,
    body: JSON.stringify({ protocol: 1, sent, last: sync.last, cursor: sync.cursor, setup: sync.setup, operations: waiting.slice(0, AT_ONCE).map((item) => item.secret.op) }),
  });
  const received = new Date().toISOString();
  const told = await answer.json();
  const last = { sent, server_received: told.server_received, server_sent: told.server_sent, received };
  const changes = [
    ...(await forget(store, told.changes)),
    ...told.changes.cases.map((one) => ({ table: "kept", id: `case:${one.number}`, secret: one })),
    ...told.changes.tasks.map((one) => ({ table: "kept", id: `task:${one.id}`, secret: one })),
    { table: "kept", id: "decisions", secret: told.decisions },
    { table: "kept", id: "sync", secret: { cursor: told.cursor, setup: told.setup?.version ?? sync.setup, last, clock: told.clock, at: Date.now() } },
    ...(told.setup ? [{ table: "kept", id: "rules", secret: told.setup }] : []),
    ...(await outcomes(store, told.results)),
  ];
  await store.write(...changes); // the cursor stands with what it stands for
  app.fresh = true;
  return told.changes.more || waiting.length > AT_ONCE;
}

async function forget(store, { gone, reset }) {
  const names = reset
    ? (await store.keptNames()).filter((name) => /^(case|task):/.test(name))
    : [...gone.cases.map((number) => `case:${number}`), ...gone.tasks.map((id) => `task:${id}`)];
  return names.flatMap((id) => [{ table: "kept", id, gone: true }, ...(id.startsWith("case:") ? [{ table: "blobs", id, gone: true }] : [])]);
}

/** Return the changes to the outbox that results ask for, and the list of what was told. */
async function outcomes(store, results) {
  const changes = [];
  const listed = await store.kept("results", []);
  for (const result of results) {
    const item = await store.read("outbox", result.id);
    if (item) {
      const photos = (await store.bytesOf(item.id)).length;
      if (FINAL.has(result.state) || (ASKED.has(result.state) && !photos)) {
        changes.push({ table: "outbox", id: item.id, gone: true }, { table: "blobs", id: item.id, gone: true });
      } else {
        const { secret, ...plain } = item;
        changes.push({ table: "outbox", id: item.id, plain: { ...plain, state: HELD, held: result.details?.after?.length ? "after" : "photos", asked: ASKED.has(result.state) }, secret });
      }
    }
    if (!["duty", "track"].includes(item?.kind)) {
      const known = listed.findIndex((one) => one.id === result.id);
      const line = { id: result.id, state: result.state, sentence: result.sentence, case: result.case, merged: result.details?.merged ?? [], title: item?.secret.title ?? listed[known]?.title ?? "", at: Date.now() };
      if (known >= 0) listed.splice(known, 1);
      listed.unshift(line);
    }
  }
  return [...changes, { table: "kept", id: "results", secret: listed.slice(0, RESULTS) }];
}

/** Send the photos that are here, each from where it broke off; return whether any has arrived. */
async function sendPhotos(app, outbox) {
  let arrived = false;
  for (const item of await app.store.list("outbox")) {
    if (item.state === DECIDE) continue;
    for (const sha of await app.store.bytesOf(item.id)) {
      const about = item.secret.photos.find((photo) => photo.sha256 === sha);
      await sendPhoto(app, sha, await app.store.bytes(`${item.id}/${sha}`), about);
      await app.store.write({ table: "blobs", id: `${item.id}/${sha}`, whole: true, gone: true });
      outbox.advanced();
      arrived = true;
    }
    // What the server asks about is its to remember, once it has the photos too; it need not speak of it again.
    if (item.asked) await app.store.write({ table: "outbox", id: item.id, gone: true });
  }
  return arrived;
}

async function sendPhoto(app, sha, bytes, about) {
  const address = `/field/photos/${sha}`;
  let at = 0;
  try {
    const held = await speak(app, address, { method: "HEAD" });
    if (held.headers.get("Upload-Complete") === "?1") return;
    at = Number(held.headers.get("Upload-Offset"));
  } catch (wrong) {
    if (wrong.status !== 404) throw wrong;
  }
  while (at < bytes.byteLength) {
    try {
      const answer = await speak(app, address, {
        method: "PUT", within_s: 120, body: bytes.slice(at, at + PIECE),
        headers: {
          "Content-Type": about.type, "Upload-Offset": String(at), "Upload-Length": String(bytes.byteLength), "Photo-Taken": about.taken,
          ...(about.lon === null ? {} : { "Photo-Lon": String(about.lon), "Photo-Lat": String(about.lat), "Photo-Accuracy": String(about.accuracy_m ?? 0) }),
        },
      });
      const told = await answer.json();
      if (told.complete) return;
      if (told.offset <= at) throw new NotNow("the photo does not grow", 30);
      at = told.offset;
    } catch (wrong) {
      if (wrong.code === "offset") at = wrong.told.offset;
      else if (wrong.code === "hash") throw new NotNow("the photo arrived damaged", 5);
      else throw wrong;
    }
  }
}

/** Ask as this device. Who is not known any more is forgotten as a device; what waits stays. */
export async function speak(app, address, { headers = {}, ...options } = {}) {
  const device = await app.store.kept("device");
  if (!device) throw new SignIn();
  try {
    return await ask(address, { ...options, headers: { ...headers, Authorization: `Bearer ${device.token}`, "Accept-Language": document.documentElement.lang } });
  } catch (wrong) {
    if (wrong instanceof SignIn) await app.store.drop("device");
    if (wrong instanceof RefusedByServer && (wrong.status === 403 || wrong.status === 400)) throw new NotNow(wrong.message, 60);
    throw wrong;
  }
}
