// SPDX-License-Identifier: Apache-2.0
// What a person writes is sealed on the device with a key the server gives to that account alone (AES-GCM, 256 bits). The
// browser keeps the key as one that cannot be taken out; signing out forgets it. What is sealed stays, and opens again when
// the same account has signed in.
import { openDB } from "idb";

export const KEYS = "chengyun-keys";
export const ACCOUNT = "chengyun.account";
export const KNOWN = "chengyun.known";

const keys = () => openDB(KEYS, 1, { upgrade: (db) => db.createObjectStore("keys") });

/** Keep an account's key, as the server sent it in base64; other accounts' keys are forgotten. Return the vault. */
export async function keepKey(account, sent) {
  const bytes = Uint8Array.from(atob(sent), (character) => character.charCodeAt(0));
  const key = await crypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt", "decrypt"]);
  const db = await keys();
  const write = db.transaction("keys", "readwrite");
  await write.store.clear();
  await write.store.put(key, account);
  await write.done;
  db.close();
  localStorage.setItem(ACCOUNT, String(account));
  return new Vault(key);
}

/** Return the vault of the account that signed in last, null without one. */
export async function keptVault() {
  const account = Number(localStorage.getItem(ACCOUNT));
  if (!account) return null;
  const db = await keys();
  const key = await db.get("keys", account);
  db.close();
  return key ? { account, vault: new Vault(key) } : null;
}

class Vault {
  constructor(key) {
    this.key = key;
  }

  async sealBytes(bytes) {
    const iv = crypto.getRandomValues(new Uint8Array(12));
    return { iv, data: await crypto.subtle.encrypt({ name: "AES-GCM", iv }, this.key, bytes) };
  }

  openBytes({ iv, data }) {
    return crypto.subtle.decrypt({ name: "AES-GCM", iv }, this.key, data);
  }

  seal(value) {
    return this.sealBytes(new TextEncoder().encode(JSON.stringify(value)));
  }

  async open(sealed) {
    return JSON.parse(new TextDecoder().decode(await this.openBytes(sealed)));
  }
}
