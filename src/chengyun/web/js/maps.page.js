// SPDX-License-Identifier: Apache-2.0
// Starts every `[data-map]` on the page, its layer switches, and keeps its values live.
import { refreshLayers, showLayer, startMap } from "./citymap.js";

for (const node of document.querySelectorAll("[data-map]")) {
  const city = await startMap(node);
  for (const box of document.querySelectorAll(`input[data-layer-of="${node.id}"]`)) {
    box.addEventListener("change", () => showLayer(city, box.value, box.checked));
  }
  document.addEventListener("live:changed", () => refreshLayers(city));
}
