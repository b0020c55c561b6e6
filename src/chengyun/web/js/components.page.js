// SPDX-License-Identifier: Apache-2.0
// Components as vector tiles and unit grids as shapes over our map; and the editor a grid is drawn in.
import { LngLatBounds, Marker, Popup } from "maplibre-gl";

import { startMap } from "./citymap.js";
import { startDrawing } from "./griddraw.js";
import { colour, onTheme } from "./theme.js";

const LAYER = "components";
const DEEPEST = 16; // Beyond this a tile is drawn larger: what stands closer together than a metre is told apart by the list.

for (const node of document.querySelectorAll("[data-map]")) {
  const city = await startMap(node);
  const { components, grids } = city.settings;
  if (grids) await addGrids(city, grids);
  if (components) addComponents(city, components);
  if (grids?.editing) startDrawing(city, document.querySelector("form[data-draw]"));
  // Everything there is to draw has been drawn: so many times.
  city.map.on("idle", () => (node.dataset.idle = Number(node.dataset.idle ?? 0) + 1));
}

function addComponents({ map }, told) {
  const colours = Object.entries(told.colours).flat();
  const many = [">", ["coalesce", ["get", "point_count"], 1], 1];
  map.addSource(LAYER, { type: "vector", tiles: [`${location.origin}${told.tiles}`], minzoom: 5, maxzoom: DEEPEST });
  map.addLayer({
    id: LAYER, type: "circle", source: LAYER, "source-layer": LAYER,
    paint: {
      // A cell of four pixels that stands for many is a dot of its size: together they show where much is.
      "circle-radius": ["interpolate", ["linear"], ["zoom"], 8, ["case", many, 2.1, 3.6], 13, ["case", many, 2.4, 4], 17, 7],
      "circle-color": ["match", ["get", "state"], ...colours, "#7a8388"],
      "circle-opacity": ["case", many, 0.75, 0.95],
      "circle-stroke-width": ["interpolate", ["linear"], ["zoom"], 13, 0, 15, 1],
      "circle-stroke-color": colour("--paper"),
    },
  });
  onTheme(() => map.setPaintProperty(LAYER, "circle-stroke-color", colour("--paper")));
  const popup = new Popup({ maxWidth: "18rem" });
  map.on("click", LAYER, ({ features: [{ properties, geometry }] }) => {
    if (properties.point_count > 1 || !properties.key) {
      const said = document.createElement("p");
      said.textContent = told.many.replace("{count}", properties.point_count ?? 1);
      popup.setLngLat(geometry.coordinates).setDOMContent(said).addTo(map);
      map.easeTo({ center: geometry.coordinates, zoom: Math.min(map.getZoom() + 2, 18) });
      return;
    }
    const box = document.createElement("div");
    box.className = "map-popup";
    const [name, state, link] = ["h3", "p", "a"].map((tag) => document.createElement(tag));
    name.textContent = properties.name;
    state.textContent = told.states[properties.state] ?? properties.state;
    link.textContent = `${told.details} ${properties.key}`;
    link.href = told.page.replace("{key}", encodeURIComponent(properties.key));
    box.append(name, state, link);
    popup.setLngLat(geometry.coordinates).setDOMContent(box).addTo(map);
  });
  map.on("mouseenter", LAYER, () => (map.getCanvas().style.cursor = "pointer"));
  map.on("mouseleave", LAYER, () => (map.getCanvas().style.cursor = ""));
  if (told.bounds) map.fitBounds(told.bounds, { padding: 40, maxZoom: 17, animate: false });
  if (told.spot) {
    const mark = document.createElement("span");
    mark.className = "spot";
    mark.setAttribute("aria-hidden", "true");
    new Marker({ element: mark, anchor: "bottom" }).setLngLat(told.spot).addTo(map);
    map.jumpTo({ center: told.spot, zoom: 17 });
  }
}

async function addGrids(city, told) {
  const { map } = city;
  const answer = await fetch(told.url);
  if (!answer.ok) return;
  const shapes = await answer.json();
  city.grids = shapes;
  map.addSource("grids", { type: "geojson", data: shapes, promoteId: "code" });
  map.addLayer({ id: "grids-fill", type: "fill", source: "grids", paint: { "fill-color": colour("--link"), "fill-opacity": 0.12 } });
  // From afar a grid is smaller than a pixel: there it is a dot.
  const middles = shapes.features.map(({ properties, geometry }) => ({ type: "Feature", properties, geometry: { type: "Point", coordinates: boundsOf([{ geometry }]).getCenter().toArray() } }));
  map.addSource("grid-middles", { type: "geojson", data: { type: "FeatureCollection", features: middles } });
  map.addLayer({ id: "grid-middles", type: "circle", source: "grid-middles", maxzoom: 13, paint: { "circle-radius": 4, "circle-color": colour("--link"), "circle-opacity": 0.7 } });
  map.addLayer({ id: "grids-line", type: "line", source: "grids", paint: { "line-color": colour("--link"), "line-width": 1.25 } });
  onTheme(() => {
    map.setPaintProperty("grid-middles", "circle-color", colour("--link"));
    map.setPaintProperty("grids-fill", "fill-color", colour("--link"));
    map.setPaintProperty("grids-line", "line-color", colour("--link"));
  });
  if (told.fit && shapes.features.length) map.fitBounds(boundsOf(shapes.features), { padding: 30, animate: false });
  if (!told.page || told.editing) return;
  map.on("click", "grids-fill", ({ features: [{ properties }] }) => {
    location.assign(told.page.replace("{code}", encodeURIComponent(properties.code)));
  });
  map.on("mouseenter", "grids-fill", () => (map.getCanvas().style.cursor = "pointer"));
  map.on("mouseleave", "grids-fill", () => (map.getCanvas().style.cursor = ""));
}

function boundsOf(features) {
  const bounds = new LngLatBounds();
  const walk = (part) => (typeof part[0] === "number" ? bounds.extend(part) : part.forEach(walk));
  for (const { geometry } of features) walk(geometry.coordinates);
  return bounds;
}
