// SPDX-License-Identifier: Apache-2.0
// Starts every `[data-map]` on the page, its layer switches, and keeps its values live.
import { patchLayers, refreshLayers, showLayer, startMap } from "./citymap.js";

for (const node of document.querySelectorAll("[data-map]")) {
  const city = await startMap(node);
  for (const box of document.querySelectorAll(`input[data-layer-of="${node.id}"]`)) {
    box.addEventListener("change", () => showLayer(city, box.value, box.checked));
  }
  document.addEventListener("live:rows", ({ detail: { stream, columns } }) => {
    for (const { live } of city.settings.layers) {
      const keys = columns[live.entity];
      if (live.dataset !== stream || !keys || !columns[live.field]) continue;
      // Bit 8 + n of the quality says that the n-th quantity is out of range: shown as unknown, as the server does.
      const invalid = (place) => Math.floor(columns.quality[place] / 2 ** (8 + live.place)) % 2 === 1;
      patchLayers(city, stream, live.field, keys.map((key, place) => [key, invalid(place) ? null : columns[live.field][place]]));
    }
  });
  document.addEventListener("live:figure", ({ detail: { dataset, data } }) => {
    if (data.subject) patchLayers(city, dataset, null, [[data.subject, data.value ?? null]]);
  });
  document.addEventListener("live:changed", () => refreshLayers(city));
}
