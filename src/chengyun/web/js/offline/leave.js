// SPDX-License-Identifier: Apache-2.0
// Signing out, wherever on the site: the device forgets the key, and with it what it can show without the server.

/** Forget whoever is known on this device. What waits to be sent stays sealed for the same account. */
export function forget() {
  localStorage.removeItem("chengyun.account");
  return new Promise((resolve) => {
    const asked = indexedDB.deleteDatabase("chengyun-keys");
    asked.onsuccess = asked.onerror = asked.onblocked = () => resolve();
  });
}

/** Forget at every form that signs out. */
export function startLeave() {
  document.addEventListener("submit", (event) => {
    if (new URL(event.target.action, location.href).pathname === "/accounts/logout/") forget();
  });
}
