// SPDX-License-Identifier: Apache-2.0
// A map of our own layers: area boundaries, their names, and entities coloured by their newest value.
// No glyphs, sprites or styles are fetched: names and values are HTML, so any system font shows them.
import { AttributionControl, LngLatBounds, Map, Marker, NavigationControl, Popup, ScaleControl, setWorkerUrl } from "maplibre-gl";

import { openPopup } from "./popup.js";
import { colour, onTheme } from "./theme.js";

setWorkerUrl(new URL(MAP_WORKER, import.meta.url).href);

const LABELLED = 80; // Above this many entities a layer shows dots only; names and values stay in the table and the popup.
const UNKNOWN = "#9aa4a8";

/** Start the map in a node whose settings stand in the json_script named by data-map. Returns {map, layers, setLayer, update}. */
export async function startMap(node) {
  const settings = JSON.parse(document.getElementById(node.dataset.map).textContent);
  const map = new Map({
    container: node,
    style: style(settings),
    bounds: settings.bounds,
    fitBoundsOptions: { padding: 24 },
    attributionControl: false,
    interactive: !settings.wall,
    dragRotate: false,
    pitchWithRotate: false,
    fadeDuration: matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 200,
    locale: settings.locale,
  });
  map.touchZoomRotate.disableRotation();
  if (!settings.wall) map.addControl(new NavigationControl({ showCompass: false }), "top-right");
  map.addControl(new ScaleControl({ unit: "metric" }), "bottom-left");
  map.addControl(new AttributionControl({ compact: false, customAttribution: settings.credits }), "bottom-right");
  await map.once("load");

  const city = { map, settings, layers: new globalThis.Map(), popup: new Popup({ maxWidth: "22rem", focusAfterOpen: true }) };
  for (const area of settings.areas) await addAreas(city, area);
  for (const layer of settings.layers) await addLayer(city, layer);
  onTheme(() => paint(city));
  map.on("moveend", () => declutter(city));
  declutter(city);
  new ResizeObserver(() => declutter(city)).observe(node);
  node.dataset.ready = "true";
  return city;
}

function style(settings) {
  const sources = {};
  const layers = [{ id: "paper", type: "background", paint: { "background-color": colour("--water") } }];
  if (settings.tiles) {
    sources.tiles = { type: "raster", tiles: [settings.tiles.url], tileSize: 256, attribution: settings.tiles.credit };
    layers.push({ id: "tiles", type: "raster", source: "tiles" });
  }
  return { version: 8, sources, layers };
}

async function addAreas(city, area) {
  const { map, settings } = city;
  const answer = await fetch(area.url);
  if (!answer.ok) return;
  const shapes = await answer.json();
  const id = `areas-${area.level}`;
  map.addSource(id, { type: "geojson", data: shapes });
  const visibility = area.shown ? "visible" : "none";
  if (!settings.tiles && area.level === "district") {
    map.addLayer({ id: `${id}-fill`, type: "fill", source: id, layout: { visibility }, paint: { "fill-color": colour("--land") } });
  }
  map.addLayer({
    id: `${id}-line`, type: "line", source: id, layout: { visibility },
    paint: { "line-color": colour("--line-strong"), "line-width": area.level === "district" ? 1 : 0.5, "line-opacity": 0.8 },
  });
  const names = shapes.features.filter((shape) => shape.properties.lon != null).map((shape) => {
    const label = document.createElement("span");
    label.className = `map-name map-name-${area.level}`;
    label.textContent = shape.properties.name;
    label.setAttribute("aria-hidden", "true");
    return new Marker({ element: label }).setLngLat([shape.properties.lon, shape.properties.lat]);
  });
  city.layers.set(id, { kind: "areas", names, shown: area.shown });
  if (area.shown) for (const name of names) name.addTo(map);
  if (area.level === settings.fit) fit(map, shapes);
}

function fit(map, shapes) {
  const bounds = new LngLatBounds();
  const walk = (part) => (typeof part[0] === "number" ? bounds.extend(part) : part.forEach(walk));
  for (const shape of shapes.features) if (shape.geometry) walk(shape.geometry.coordinates);
  if (!bounds.isEmpty()) map.fitBounds(bounds, { padding: 24, animate: false });
}

async function addLayer(city, layer) {
  const { map, settings } = city;
  const answer = await fetch(layer.url);
  if (!answer.ok) return;
  const points = await answer.json();
  const id = `layer-${layer.id}`;
  map.addSource(id, { type: "geojson", data: points });
  map.addLayer({
    id, type: "circle", source: id, layout: { visibility: layer.shown ? "visible" : "none" },
    paint: {
      "circle-radius": ["interpolate", ["linear"], ["zoom"], 7, 4.5 * settings.scale, 13, 9 * settings.scale],
      "circle-color": ["coalesce", ["get", "colour"], UNKNOWN],
      "circle-opacity": ["match", ["get", "status"], ["stale", "missing"], 0.45, 1],
      "circle-stroke-width": 1.25,
      "circle-stroke-color": colour("--ink"),
    },
  });
  const shown = { kind: "points", points, url: layer.url, shown: layer.shown, markers: [], layer };
  city.layers.set(id, shown);
  label(city, shown);
  if (settings.wall) return;
  map.on("click", id, (event) => openPopup(city, layer, event.features[0].properties, event.features[0].geometry.coordinates));
  map.on("mouseenter", id, () => (map.getCanvas().style.cursor = "pointer"));
  map.on("mouseleave", id, () => (map.getCanvas().style.cursor = ""));
}

/** Put each entity's value beside its dot, as a button that opens what is known about it. */
function label(city, shown) {
  for (const marker of shown.markers) marker.remove();
  shown.markers = [];
  if (shown.points.features.length > LABELLED) return;
  for (const point of shown.points.features) {
    const known = point.properties;
    const tag = document.createElement(city.settings.wall ? "span" : "button");
    tag.className = "map-value";
    tag.dataset.status = known.status;
    tag.textContent = known.text;
    tag.title = known.name;
    tag.setAttribute("aria-label", `${known.name} ${known.text} ${known.unit ?? ""}`);
    if (!city.settings.wall) {
      tag.type = "button";
      tag.addEventListener("click", (event) => {
        event.stopPropagation();
        openPopup(city, shown.layer, known, point.geometry.coordinates);
      });
    }
    const marker = new Marker({ element: tag }).setLngLat(point.geometry.coordinates);
    shown.markers.push(marker);
    if (shown.shown) marker.addTo(city.map);
  }
}

/** Put values beside their dots, on the side where nothing lies; what has no room is hidden and stays in the table. */
function declutter(city) {
  const layers = [...city.layers.values()].filter((shown) => shown.shown);
  const taken = layers.flatMap((shown) => (shown.markers ?? []).map((marker) => dotOf(city, marker)));
  const meets = (box) => taken.some((other) => box.left < other.right && box.right > other.left && box.top < other.bottom && box.bottom > other.top);
  const reach = 9 * city.settings.scale;
  for (const shown of layers) for (const marker of shown.markers ?? []) marker.getElement().hidden = false;
  for (const marker of layers.flatMap((shown) => shown.markers ?? [])) {
    const tag = marker.getElement();
    const dot = dotOf(city, marker);
    const { offsetWidth: width, offsetHeight: height } = tag;
    const sides = [
      [reach + width / 2, 0],
      [-reach - width / 2, 0],
      [0, -reach - height / 2],
      [0, reach + height / 2],
    ].map(([x, y]) => ({ x, y, left: dot.x + x - width / 2, right: dot.x + x + width / 2, top: dot.y + y - height / 2, bottom: dot.y + y + height / 2 }));
    const side = sides.find((box) => !meets(box));
    tag.hidden = !side;
    if (!side) continue;
    marker.setOffset([side.x, side.y]);
    taken.push(side);
  }
  for (const marker of layers.flatMap((shown) => shown.names ?? [])) {
    const tag = marker.getElement();
    tag.hidden = false;
    const at = city.map.project(marker.getLngLat());
    const box = { left: at.x - tag.offsetWidth / 2, right: at.x + tag.offsetWidth / 2, top: at.y - tag.offsetHeight / 2, bottom: at.y + tag.offsetHeight / 2 };
    tag.hidden = meets(box);
    if (!tag.hidden) taken.push(box);
  }
}

function dotOf(city, marker) {
  const at = city.map.project(marker.getLngLat());
  const reach = 6 * city.settings.scale;
  return { x: at.x, y: at.y, left: at.x - reach, right: at.x + reach, top: at.y - reach, bottom: at.y + reach };
}

/** Show or hide a layer by id ("areas-street", "layer-…"). */
export function showLayer(city, id, shown) {
  const layer = city.layers.get(id);
  if (!layer) return;
  layer.shown = shown;
  for (const part of [id, `${id}-fill`, `${id}-line`]) {
    if (city.map.getLayer(part)) city.map.setLayoutProperty(part, "visibility", shown ? "visible" : "none");
  }
  for (const marker of [...(layer.names ?? []), ...(layer.markers ?? [])]) {
    if (shown) marker.addTo(city.map);
    else marker.remove();
  }
  declutter(city);
}

/** Ask again for the values of every layer of points that is shown. */
export async function refreshLayers(city) {
  for (const [id, shown] of city.layers) {
    if (shown.kind !== "points" || !shown.shown) continue;
    const answer = await fetch(shown.url);
    if (!answer.ok || answer.status === 304) continue;
    shown.points = await answer.json();
    city.map.getSource(id).setData(shown.points);
    const focused = document.activeElement?.classList.contains("map-value") ? document.activeElement.title : null;
    label(city, shown);
    if (focused) document.querySelector(`.map-value[title="${CSS.escape(focused)}"]`)?.focus();
  }
  declutter(city);
}

function paint(city) {
  const { map } = city;
  map.setPaintProperty("paper", "background-color", colour("--water"));
  for (const [id, shown] of city.layers) {
    if (shown.kind === "areas") {
      if (map.getLayer(`${id}-fill`)) map.setPaintProperty(`${id}-fill`, "fill-color", colour("--land"));
      map.setPaintProperty(`${id}-line`, "line-color", colour("--line-strong"));
    } else {
      map.setPaintProperty(id, "circle-stroke-color", colour("--ink"));
    }
  }
}
