// SPDX-License-Identifier: Apache-2.0
// Saying where: by the device's position, by taps on our own map, or by its cross for who uses keys.
import { fill, h } from "./dom.js";
import { say } from "./words.js";

/** Return the device's position as {lon, lat, accuracy_m, at}. Raises an Error that says why not. */
export function locate() {
  return new Promise((resolve, reject) => {
    if (!navigator.geolocation) return reject(new Error("—"));
    return navigator.geolocation.getCurrentPosition(
      ({ coords, timestamp }) => resolve({ lon: coords.longitude, lat: coords.latitude, accuracy_m: coords.accuracy, altitude: coords.altitude ?? 0, at: timestamp }),
      (wrong) => reject(new Error(wrong.message || `${wrong.code}`)),
      { enableHighAccuracy: true, timeout: 20_000, maximumAge: 5_000 },
    );
  });
}

/**
 * Return a control for a place. kind: geopoint, geotrace or geoshape. points: [[lon, lat, altitude, accuracy]…].
 * changed(points) hears of every change; around() gives {outlines, bounds} when the map is opened.
 */
export function placeControl({ kind, points, changed, around, label }) {
  const single = kind === "geopoint";
  let chosen = points;
  let shown = null;
  const status = h("p", { class: "place-said", "aria-live": "polite" });
  const mapNode = h("div", { class: "place-map", role: "region", "aria-label": `${say("map")}: ${label}` });
  const cross = h("button", { type: "button", class: "button", onclick: () => { const { lng, lat } = shown.centre(); put(lng, lat); } }, say("here_cross"));
  const undo = h("button", { type: "button", class: "button", onclick: () => set(chosen.slice(0, -1)) }, say(single ? "clear_place" : "undo_point"));
  const frame = h("div", { class: "place-frame", hidden: true }, mapNode, h("p", { class: "hint" }, say(kind === "geoshape" ? "shape_hint" : kind === "geotrace" ? "trace_hint" : "map_hint")), h("p", { class: "actions" }, cross));
  const open = h("button", { type: "button", class: "button", "aria-expanded": "false", onclick: toggle }, say("map"));
  const here = h("button", { type: "button", class: "button button-main", onclick: locateHere }, say("here"));
  const element = h("div", { class: "place" }, status, h("p", { class: "actions" }, here, open, undo), frame);

  function set(next) {
    chosen = next;
    refresh();
    changed(chosen);
  }
  function put(lon, lat, altitude = 0, accuracy = 0) {
    set(single ? [[lon, lat, altitude, accuracy]] : [...chosen, [lon, lat, altitude, accuracy]]);
  }
  function refresh() {
    const last = chosen.at(-1);
    fill(status, !last ? "—" : [
      `${last[1].toFixed(6)}, ${last[0].toFixed(6)}`, last[3] ? ` · ${say("accuracy", { m: Math.round(last[3]) })}` : "",
      single ? "" : ` · ${say("points_n", { n: chosen.length })}`,
    ].join(""));
    undo.hidden = !chosen.length;
    shown?.show(chosen.map(([lon, lat]) => [lon, lat]), kind);
  }
  async function locateHere() {
    here.disabled = true;
    fill(status, say("locating"));
    try {
      const found = await locate();
      put(found.lon, found.lat, found.altitude, found.accuracy_m);
      shown?.see(found.lon, found.lat);
    } catch (wrong) {
      fill(status, say("no_location", { reason: wrong.message }));
    }
    here.disabled = false;
  }
  async function toggle() {
    frame.hidden = !frame.hidden;
    open.setAttribute("aria-expanded", String(!frame.hidden));
    if (frame.hidden || shown) return;
    const { smallMap } = await import("./map.js");
    shown = await smallMap(mapNode, { ...(await around()), label, picked: (lon, lat) => put(lon, lat) });
    if (chosen.length) shown.see(chosen[0][0], chosen[0][1]);
    refresh();
  }
  refresh();
  return { element, set: (next) => { chosen = next; refresh(); } };
}
