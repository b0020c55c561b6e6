// SPDX-License-Identifier: Apache-2.0
// Reports: a place picked on the map or taken from the device, thumbnails, and what is alike shown while one still types.
// Every form works without this; what needs it is hidden until it runs.
import { Marker } from "maplibre-gl";

import { startMap } from "./citymap.js";

for (const part of document.querySelectorAll("[data-needs-script]")) part.hidden = false;

const form = document.querySelector("form[data-report]");
for (const node of document.querySelectorAll("[data-map]")) {
  const city = await startMap(node);
  const { spot, reports } = city.settings;
  if (spot) {
    pin(spot).addTo(city.map);
    city.map.jumpTo({ center: spot, zoom: 14 });
  } else if (reports) {
    await showReports(city, reports);
  } else if (form?.contains(node)) {
    startPicking(city, form);
  }
}
if (form) {
  startThumbs(form);
  startAlike(form);
}
document.querySelector("[data-copy]")?.addEventListener("focus", (event) => event.target.select());

function pin(place) {
  const mark = document.createElement("span");
  mark.className = "spot";
  mark.setAttribute("aria-hidden", "true");
  // The point of the drop, not its middle, is the place.
  return new Marker({ element: mark, anchor: "bottom" }).setLngLat(place);
}

/** Let a place be chosen by a tap or by the device; a change is told to the form. */
function startPicking(city, form) {
  const [lon, lat] = [form.querySelector("[data-lon]"), form.querySelector("[data-lat]")];
  const said = form.querySelector("[data-place]");
  let mark = null;
  const choose = (place, zoom) => {
    lon.value = place.lng.toFixed(6);
    lat.value = place.lat.toFixed(6);
    mark ??= pin(place).addTo(city.map);
    mark.setLngLat(place);
    if (zoom) city.map.jumpTo({ center: place, zoom });
    said.textContent = `${said.dataset.chosen} ${lat.value}, ${lon.value}`;
    form.dispatchEvent(new Event("placed"));
  };
  if (lon.value && lat.value) choose({ lng: Number(lon.value), lat: Number(lat.value) }, 15);
  city.map.on("click", (event) => choose(event.lngLat));
  form.querySelector("[data-locate]")?.addEventListener("click", () => {
    navigator.geolocation?.getCurrentPosition(
      ({ coords }) => choose({ lng: coords.longitude, lat: coords.latitude }, 16),
      () => (said.textContent = said.dataset.failed),
      { enableHighAccuracy: true, timeout: 10_000 },
    );
  });
}

function startThumbs(form) {
  const files = form.querySelector("[data-photos]");
  const list = form.querySelector("[data-thumbs]");
  files?.addEventListener("change", () => {
    for (const image of list.querySelectorAll("img")) URL.revokeObjectURL(image.src);
    list.replaceChildren(
      ...[...files.files].slice(0, 6).map((file) => {
        const [item, image] = [document.createElement("li"), document.createElement("img")];
        image.src = URL.createObjectURL(file);
        image.alt = file.name;
        item.append(image);
        return item;
      }),
    );
  });
}

/** Ask, a moment after the last change, what is known already; who has seen it is not asked again on a page between. */
function startAlike(form) {
  const box = form.querySelector("[data-alike]");
  const text = form.querySelector("[data-text], [name=text]");
  let waiting = 0;
  let asked = 0;
  const look = async () => {
    if (!text.value.trim() && !form.elements.lon.value) return;
    const turn = ++asked;
    const body = new FormData();
    for (const name of ["csrfmiddlewaretoken", "lon", "lat", "category"]) body.set(name, form.elements[name]?.value ?? "");
    body.set("text", text.value);
    const answer = await fetch(form.dataset.report, { method: "POST", body });
    if (!answer.ok || turn !== asked) return;
    box.innerHTML = await answer.text();
    form.querySelector("[data-reviewed]").value = box.querySelector("[data-found]") ? "1" : "";
  };
  const soon = () => {
    clearTimeout(waiting);
    waiting = setTimeout(look, 600);
  };
  text.addEventListener("input", soon);
  form.elements.category.addEventListener("change", soon);
  form.addEventListener("placed", soon);
  form.addEventListener("click", (event) => {
    const chosen = event.target.closest("[data-category]");
    if (!chosen) return;
    form.elements.category.value = chosen.dataset.category;
    soon();
  });
}

async function showReports(city, url) {
  const answer = await fetch(url);
  if (!answer.ok) return;
  const points = await answer.json();
  city.map.addSource("reports", { type: "geojson", data: points });
  city.map.addLayer({
    id: "reports", type: "circle", source: "reports",
    paint: {
      "circle-radius": ["case", ["get", "rough"], 12, 7],
      "circle-color": ["case", ["get", "ended"], "#1c7a45", "#ec7a08"],
      "circle-opacity": ["case", ["get", "rough"], 0.35, 0.9],
      "circle-stroke-width": 1.25,
      "circle-stroke-color": "#ffffff",
    },
  });
  const { Popup } = await import("maplibre-gl");
  city.map.on("click", "reports", ({ features: [{ properties, geometry }] }) => {
    const box = document.createElement("div");
    box.className = "map-popup";
    for (const [tag, said] of [["h3", properties.name], ["p", properties.headline], ["p", properties.state]]) {
      if (!said) continue;
      const part = document.createElement(tag);
      part.textContent = said;
      box.append(part);
    }
    new Popup({ maxWidth: "18rem" }).setLngLat(geometry.coordinates).setDOMContent(box).addTo(city.map);
  });
  city.map.on("mouseenter", "reports", () => (city.map.getCanvas().style.cursor = "pointer"));
  city.map.on("mouseleave", "reports", () => (city.map.getCanvas().style.cursor = ""));
}
