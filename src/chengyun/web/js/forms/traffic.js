// SPDX-License-Identifier: Apache-2.0
// What goes between the device and the server: forms and outlines to take along, submissions to send.
import { settings } from "../offline/app.js";
import { NotNow, RefusedByServer, ask } from "../offline/network.js";
import { say } from "../offline/words.js";

const BATCH = 4 * 1048576; // bytes of photos in one request: small enough to get through a poor network before it breaks
const SENT = 50; // how many that have arrived are still listed

export const formName = (key, version) => `form:${key}:${version}`;

/** Keep what the server offers: each form that is not here yet, outlines of the districts; forget forms nobody needs. */
export async function takeAlong(setup, app) {
  const { store } = app;
  const used = [...(await store.list("drafts")), ...(await store.list("outbox"))].map((one) => formName(one.secret.form, one.secret.version));
  const wanted = new Map(setup.forms.map((form) => [formName(form.key, form.version), form]));
  const here = new Set(await store.keptNames());
  for (const name of here) if (name.startsWith("form:") && !wanted.has(name) && !used.includes(name)) await store.drop(name);
  for (const [name, form] of wanted) {
    if (here.has(name) && (await store.kept(name)).digest === form.digest) continue;
    const xform = await (await ask(`${settings.home}forms/${encodeURIComponent(form.key)}/${encodeURIComponent(form.version)}`)).text();
    await store.keep(name, { xform, digest: form.digest, title: form.title });
  }
  if (!here.has("outlines")) {
    const shapes = await ask("/map/areas/district.json").then((answer) => answer.json(), () => null);
    if (shapes) await store.keep("outlines", shapes);
  }
}

/** Send one submission: the form itself with the photos that fit, the rest in further requests. The server counts it once. */
export async function sendForm(item, app) {
  const { secret } = item;
  let told = { files: {} };
  try {
    let first = true;
    for (let left = missing(secret, told); first || left.length; left = missing(secret, told)) {
      const before = left.length;
      told = await post(item, left, app);
      if (!first && missing(secret, told).length >= before) throw new NotNow("nothing more arrived", 30);
      first = false;
    }
  } catch (wrong) {
    if (!(wrong instanceof RefusedByServer)) throw wrong;
    if (wrong.status === 403 && !wrong.code) throw new NotNow("the form's token is stale", 1);
    return { state: "decide", said: wrong.status === 404 ? say("retired_unknown") : wrong.message };
  }
  if (!told.complete) return { state: "decide", said: say("file_missing", { name: Object.keys(told.files).find((name) => !told.files[name]) }) };
  const sent = [{ title: secret.title, at: item.at, arrived: Date.now(), instance: told.instance, retired: told.retired, faults: told.faults }, ...(await app.store.kept("sent", []))];
  return { state: "sent", also: [{ table: "kept", id: "sent", secret: sent.slice(0, SENT) }] };
}

/** Return the photos the server does not have yet, byte for byte. */
const missing = (secret, told) => secret.files.filter((file) => told.files[file.name] !== file.sha256);

async function post(item, left, app) {
  const body = new FormData();
  body.append("xml_submission_file", new Blob([item.secret.xml], { type: "text/xml" }), "submission.xml");
  let size = 0;
  for (const file of left) {
    const bytes = await app.store.bytes(`${item.id}/${file.name}`);
    if (!bytes || (size && size + bytes.byteLength > BATCH)) continue;
    size += bytes.byteLength;
    body.append(file.name, new Blob([bytes], { type: file.type }), file.name);
  }
  // The token may be older than the session: whoever comes back from days without a network gets a new one first.
  if (!app.setup.csrf) throw new NotNow("no token yet", 1);
  const task = item.secret.task ? `?task=${item.secret.task}` : "";
  const answer = await ask(`${settings.home}send${task}`, {
    method: "POST", body, within_s: 120, headers: { "X-CSRFToken": app.setup.csrf, "X-Account": String(app.store.account) },
  });
  return answer.json();
}
