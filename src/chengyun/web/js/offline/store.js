// SPDX-License-Identifier: Apache-2.0
// What one account keeps on this device for one application. In the open stand only what sorting and counting need: an id,
// moments, a state, sizes. All else is sealed.
//
//   kept     name → what the server told: forms, tasks, cases, outlines; may be fetched again
//   drafts   not finished
//   outbox   finished, not yet taken by the server
//   blobs    photos, under `<id of the draft or operation>/<name>`
import { openDB } from "idb";

import { KNOWN } from "./vault.js";

const TABLES = ["kept", "drafts", "outbox", "blobs"];
const nameOf = (app, account) => `chengyun-${app}-${account}`;

/** Return what waits on this device, of all accounts: {app, account, name, waiting, drafts}. */
export async function waitingOfAll(app) {
  const known = JSON.parse(localStorage.getItem(KNOWN) ?? "{}");
  const found = [];
  for (const [account, name] of Object.entries(known)) {
    const db = await opened(app, account);
    found.push({ account: Number(account), name, waiting: await db.count("outbox"), drafts: await db.count("drafts") });
    db.close();
  }
  return found;
}

function opened(app, account) {
  return openDB(nameOf(app, account), 1, {
    upgrade(db) {
      for (const table of TABLES) db.createObjectStore(table, { keyPath: "id" });
    },
  });
}

export class Store {
  /** Open what an account keeps. name: as people call it, shown to whoever signs in next. */
  static async open(app, account, name, vault) {
    if (name) {
      const known = JSON.parse(localStorage.getItem(KNOWN) ?? "{}");
      localStorage.setItem(KNOWN, JSON.stringify({ ...known, [account]: name }));
    }
    return new Store(await opened(app, account), app, account, vault);
  }

  constructor(db, app, account, vault) {
    Object.assign(this, { db, app, account, vault });
  }

  /** Write several records in one transaction: {table, id, plain, secret}, {table, id, bytes} or {table, id, gone: true}: of
   * blobs, those of that owner, or with `whole` the one of exactly that id. */
  async write(...changes) {
    // Sealing comes first: a transaction ends by itself while anything else is awaited.
    const records = await Promise.all(changes.map((change) => this.#record(change)));
    const transaction = this.db.transaction([...new Set(changes.map((change) => change.table))], "readwrite", { durability: "strict" });
    for (const [place, { table, id, gone, whole }] of changes.entries()) {
      if (gone && table === "blobs" && !whole) await transaction.objectStore(table).delete(IDBKeyRange.bound(`${id}/`, `${id}/\uffff`));
      else if (gone) await transaction.objectStore(table).delete(id);
      else await transaction.objectStore(table).put(records[place]);
    }
    await transaction.done;
  }

  async #record({ id, plain = {}, secret, bytes, gone }) {
    if (gone) return null;
    if (bytes) return { id, ...plain, size: bytes.byteLength, sealed: await this.vault.sealBytes(bytes) };
    return { ...plain, id, sealed: await this.vault.seal(secret) };
  }

  /** Return a record as {plain…, secret}, null when there is none. */
  async read(table, id) {
    const found = await this.db.get(table, id);
    return found ? this.#opened(found) : null;
  }

  /** Return all records of a table, oldest first by `at`. */
  async list(table) {
    const found = await Promise.all((await this.db.getAll(table)).map((record) => this.#opened(record)));
    return found.sort((one, other) => (one.at ?? 0) - (other.at ?? 0));
  }

  async #opened({ sealed, ...plain }) {
    return { ...plain, secret: await this.vault.open(sealed) };
  }

  /** Return a photo's bytes, null when it is not here. */
  async bytes(id) {
    const found = await this.db.get("blobs", id);
    return found ? this.vault.openBytes(found.sealed) : null;
  }

  /** Return the names of the photos of a draft or operation. */
  async bytesOf(owner) {
    const ids = await this.db.getAllKeys("blobs", IDBKeyRange.bound(`${owner}/`, `${owner}/\uffff`));
    return ids.map((id) => id.slice(owner.length + 1));
  }

  async keep(name, value) {
    await this.write({ table: "kept", id: name, secret: value });
  }

  async kept(name, otherwise = null) {
    return (await this.read("kept", name))?.secret ?? otherwise;
  }

  async keptNames() {
    return this.db.getAllKeys("kept");
  }

  async drop(name) {
    await this.db.delete("kept", name);
  }
}
