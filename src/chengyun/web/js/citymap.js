// SPDX-License-Identifier: Apache-2.0
// A map of our own layers: area boundaries, their names, and entities coloured by their newest value.
// No glyphs, sprites or styles are fetched: names and values are HTML, so any system font shows them.
import { AttributionControl, LngLatBounds, Map, Marker, NavigationControl, Popup, ScaleControl, setWorkerUrl } from "maplibre-gl";

import { openPopup } from "./popup.js";
import { number, pulse } from "./pulse.js";
import { colour, onTheme } from "./theme.js";

setWorkerUrl(new URL(MAP_WORKER, import.meta.url).href);

const LABELLED = 80; // Above this many entities a layer shows dots only; names and values stay in the table and the popup.
const UNKNOWN = "#9aa4a8";
const TINT = "areas-tint"; // Districts in the class of a layer that has values for them; a table beside the map says the same.

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
  if (area.level === "district") map.addLayer({ id: TINT, type: "fill", source: id, paint: { "fill-color": "transparent", "fill-opacity": 0.2 } });
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
  tint(city);
  if (settings.wall) return;
  map.on("click", id, (event) => openPopup(city, layer, event.features[0].properties, event.features[0].geometry.coordinates));
  map.on("mouseenter", id, () => (map.getCanvas().style.cursor = "pointer"));
  map.on("mouseleave", id, () => (map.getCanvas().style.cursor = ""));
}

/** Colour the districts by the first shown layer that has values for them. */
function tint(city) {
  if (!city.map.getLayer(TINT)) return;
  const shown = [...city.layers.values()].find((one) => one.shown && Object.keys(one.points?.areas ?? {}).length);
  const pairs = Object.entries(shown?.points.areas ?? {}).flatMap(([code, known]) => [code, known.colour]);
  city.map.setPaintProperty(TINT, "fill-color", pairs.length ? ["match", ["get", "code"], ...pairs, "transparent"] : "transparent");
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

const NAME_STEPS = [[0, 0], [0, -0.8], [0, 0.8], [-0.6, 0], [0.6, 0], [0, -1.5], [0, 1.5], [-0.6, -1], [0.6, 1], [0.6, -1], [-0.6, 1], [0, -2.2], [0, 2.2], [1, -1.2], [1, 1.2], [-1, -1.2], [-1, 1.2]];

/** Put values beside their dots, on the side where nothing lies; what has no room is hidden and stays in the table. */
function declutter(city) {
  const layers = [...city.layers.values()].filter((shown) => shown.shown);
  const taken = layers.flatMap((shown) => (shown.markers ?? []).map((marker) => dotOf(city, marker)));
  const meets = (box) => taken.some((other) => box.left < other.right && box.right > other.left && box.top < other.bottom && box.bottom > other.top);
  // Names first: an area is larger than its name, so a name can give way where a value beside its dot cannot.
  for (const marker of layers.flatMap((shown) => shown.names ?? [])) {
    const tag = marker.getElement();
    tag.hidden = false;
    const at = city.map.project(marker.getLngLat());
    const { offsetWidth: width, offsetHeight: height } = tag;
    const boxes = NAME_STEPS.map(([x, y]) => ({ x: x * width, y: y * height }))
      .map(({ x, y }) => ({ x, y, left: at.x + x - width / 2, right: at.x + x + width / 2, top: at.y + y - height / 2, bottom: at.y + y + height / 2 }));
    const place = boxes.find((box) => !meets(box));
    tag.hidden = !place;
    if (!place) continue;
    marker.setOffset([place.x, place.y]);
    taken.push(place);
  }
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
  tint(city);
  declutter(city);
}

/** Show values that have just arrived, [[key, value or null]], in a shown layer of their dataset and field. */
export function patchLayers(city, dataset, field, values) {
  for (const [id, shown] of city.layers) {
    const live = shown.layer?.live;
    if (!shown.shown || live?.dataset !== dataset || live.field !== field) continue;
    shown.byKey ??= new globalThis.Map(shown.points.features.map((point, place) => [point.properties.key, place]));
    let changed = false;
    for (const [key, value] of values) {
      const place = shown.byKey.get(key);
      if (place === undefined) continue;
      const known = shown.points.features[place].properties;
      const band = value === null ? null : live.bands.find(([upto]) => upto === null || value <= upto);
      const said = { text: value === null ? "—" : number(value, live.decimals), status: value === null ? "missing" : "fresh", colour: band?.[1] ?? null, band: band?.[2] ?? null };
      if (known.text === said.text && known.status === said.status) continue;
      Object.assign(known, said);
      changed = true;
      const tag = shown.markers[place]?.getElement();
      if (!tag) continue;
      tag.textContent = said.text;
      tag.dataset.status = said.status;
      tag.setAttribute("aria-label", `${known.name} ${said.text} ${known.unit ?? ""}`);
      pulse(tag);
    }
    if (changed) city.map.getSource(id).setData(shown.points);
  }
}

/** Ask again for the values of every layer of points that is shown. */
export async function refreshLayers(city) {
  for (const [id, shown] of city.layers) {
    if (shown.kind !== "points" || !shown.shown) continue;
    const answer = await fetch(shown.url);
    if (!answer.ok || answer.status === 304) continue;
    shown.points = await answer.json();
    shown.byKey = undefined;
    city.map.getSource(id).setData(shown.points);
    tint(city);
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
