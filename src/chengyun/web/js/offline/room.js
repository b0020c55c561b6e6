// SPDX-License-Identifier: Apache-2.0
// Room on the device: asked to be kept for good, and said how much is left.

/** Ask the browser never to clear what is kept here; return whether it promised. */
export async function askToKeep() {
  return (await navigator.storage?.persisted?.()) || Boolean(await navigator.storage?.persist?.());
}

/** Return {used, left, kept}: bytes, and whether the browser has promised to keep them; null when it does not say. */
export async function room() {
  const told = await navigator.storage?.estimate?.();
  if (!told?.quota) return null;
  return { used: told.usage ?? 0, left: told.quota - (told.usage ?? 0), kept: Boolean(await navigator.storage.persisted?.()) };
}
