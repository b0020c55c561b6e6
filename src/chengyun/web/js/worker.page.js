// SPDX-License-Identifier: Apache-2.0
// The service worker of an application that works without a network. It answers with the application's empty frame and its
// own files, and with nothing else: what belongs to a person is never in a cache. APP, which the server writes before this
// file, says {name, home, version, files}.
const { name, home, version, files } = self.APP;
const CACHE = `chengyun-${name}-${version}`;

self.addEventListener("install", (event) => event.waitUntil(fetchAll()));

async function fetchAll() {
  const cache = await caches.open(CACHE);
  // The frame comes fresh; the files bear their hash in their names.
  await cache.addAll([new Request(home, { cache: "reload" }), ...files]);
}

self.addEventListener("activate", (event) => event.waitUntil(tidy()));

async function tidy() {
  const old = (await caches.keys()).filter((one) => one.startsWith(`chengyun-${name}-`) && one !== CACHE);
  await Promise.all(old.map((one) => caches.delete(one)));
  await self.clients.claim();
}

self.addEventListener("message", (event) => {
  if (event.data === "take over") self.skipWaiting();
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const address = new URL(request.url);
  if (request.method !== "GET" || address.origin !== location.origin) return;
  if (request.mode === "navigate" && address.pathname.startsWith(home)) event.respondWith(kept(home));
  else if (files.includes(address.pathname)) event.respondWith(kept(address.pathname));
});

/** Answer from the cache; should the browser have emptied it, fetch it all again. */
async function kept(path) {
  const cache = await caches.open(CACHE);
  const found = await cache.match(path);
  if (found) return found;
  await fetchAll();
  return cache.match(path);
}
