// SPDX-License-Identifier: Apache-2.0
// A small map of our own outlines, for saying where: a point, a line or a shape. It needs no network once loaded.
import { Map, NavigationControl, setWorkerUrl } from "maplibre-gl";

import { colour, onTheme } from "../theme.js";
import { say } from "./words.js";

setWorkerUrl(new URL(MAP_WORKER, import.meta.url).href);

const GONE = { type: "FeatureCollection", features: [] };

/**
 * Show a map in a node. outlines: GeoJSON or null; bounds: [west, south, east, north]; picked(lon, lat) hears of taps.
 * Returns {map, show(points, kind), see(lon, lat), more(id, GeoJSON, paint)}.
 */
export async function smallMap(node, { outlines, bounds, picked = null, label = "" }) {
  const map = new Map({
    container: node, bounds, fitBoundsOptions: { padding: 24 }, attributionControl: false, dragRotate: false, pitchWithRotate: false,
    fadeDuration: 0, cooperativeGestures: false,
    style: { version: 8, sources: {}, layers: [{ id: "paper", type: "background", paint: { "background-color": colour("--water") } }] },
    locale: { "Map.Title": label || say("map"), "NavigationControl.ZoomIn": say("zoom_in"), "NavigationControl.ZoomOut": say("zoom_out") },
  });
  map.touchZoomRotate.disableRotation();
  map.addControl(new NavigationControl({ showCompass: false }), "top-right");
  await map.once("load");
  map.addSource("outlines", { type: "geojson", data: outlines ?? GONE });
  map.addLayer({ id: "land", type: "fill", source: "outlines", paint: { "fill-color": colour("--land") } });
  map.addLayer({ id: "borders", type: "line", source: "outlines", paint: { "line-color": colour("--line-strong"), "line-width": 0.8 } });
  map.addSource("drawn", { type: "geojson", data: GONE });
  map.addLayer({ id: "drawn-area", type: "fill", source: "drawn", filter: ["==", ["geometry-type"], "Polygon"], paint: { "fill-color": colour("--focus"), "fill-opacity": 0.18 } });
  map.addLayer({ id: "drawn-line", type: "line", source: "drawn", filter: ["!=", ["geometry-type"], "Point"], paint: { "line-color": colour("--focus"), "line-width": 3 } });
  map.addLayer({ id: "drawn-points", type: "circle", source: "drawn", filter: ["==", ["geometry-type"], "Point"], paint: { "circle-radius": 7, "circle-color": colour("--focus"), "circle-stroke-color": colour("--surface"), "circle-stroke-width": 2 } });
  if (picked) map.on("click", (event) => picked(event.lngLat.lng, event.lngLat.lat));
  onTheme(() => {
    map.setPaintProperty("paper", "background-color", colour("--water"));
    map.setPaintProperty("land", "fill-color", colour("--land"));
    map.setPaintProperty("borders", "line-color", colour("--line-strong"));
  });
  node.dataset.ready = "true";
  return {
    map,
    show: (points, kind) => map.getSource("drawn").setData(drawn(points, kind)),
    see: (lon, lat, zoom = 16) => map.jumpTo({ center: [lon, lat], zoom: Math.max(zoom, map.getZoom()) }),
    centre: () => map.getCenter(),
    more(id, data, layer) {
      if (map.getSource(id)) return map.getSource(id).setData(data);
      map.addSource(id, { type: "geojson", data });
      return map.addLayer({ id, source: id, ...layer });
    },
  };
}

function drawn(points, kind) {
  const features = points.map((point) => ({ type: "Feature", properties: {}, geometry: { type: "Point", coordinates: point } }));
  if (kind === "geoshape" && points.length > 2) features.push({ type: "Feature", properties: {}, geometry: { type: "Polygon", coordinates: [[...points, points[0]]] } });
  else if (kind !== "geopoint" && points.length > 1) features.push({ type: "Feature", properties: {}, geometry: { type: "LineString", coordinates: points } });
  return { type: "FeatureCollection", features };
}
