// SPDX-License-Identifier: Apache-2.0
// The map of the field: our own outlines, cases, the cells of a patrol, where I am. All of it lies on the device.
import { settings } from "../offline/app.js";
import { fill, h } from "../offline/dom.js";
import { locate } from "../offline/place.js";
import { say } from "../offline/words.js";
import { colour } from "../theme.js";
import { caseCard, part } from "./parts.js";
import { casesHere, tasksHere } from "./work.js";

/** `map`, `map/<case>` or `map/task/<id>`. */
export async function showMap(app, [what, id]) {
  const node = h("div", { class: "field-map", role: "region", "aria-label": say("map") });
  const here = h("button", { type: "button", class: "button button-large" }, say("here_now"));
  const said = h("p", { class: "hint", "aria-live": "polite" });
  const chosen = h("div", { class: "app-page" });
  fill(app.main, h("div", { class: "stack" }, node, h("p", { class: "actions app-page" }, here), said, chosen));
  app.busy = true;
  const [{ smallMap }, rules, outlines, cases, tasks] = await Promise.all([
    import("../offline/map.js"), app.store.kept("rules"), wide(app), casesHere(app), tasksHere(app)]);
  const own = rules?.area.outlines;
  const shown = await smallMap(node, { outlines: own?.features.length ? own : outlines, bounds: boundsOf(own?.features.length ? own : outlines) ?? settings.bounds, label: say("map") });
  const open = cases.filter((one) => one.lon !== null && one.lon !== undefined && !one.ended);
  shown.more("tasks", cellsOf(tasks), { type: "fill", paint: { "fill-color": ["match", ["get", "seen"], "yes", colour("--fresh"), colour("--partial")], "fill-opacity": 0.25 } });
  shown.more("cases", { type: "FeatureCollection", features: open.map((one) => ({ type: "Feature", properties: { number: one.number, mine: one.mine ? "yes" : "no", bad: one.emergency ? "yes" : "no" }, geometry: { type: "Point", coordinates: [one.lon, one.lat] } })) },
    { type: "circle", paint: { "circle-radius": ["match", ["get", "mine"], "yes", 10, 7], "circle-color": ["match", ["get", "bad"], "yes", colour("--bad"), colour("--link")], "circle-stroke-color": colour("--surface"), "circle-stroke-width": 2 } });
  const tell = (numbers) => fill(chosen, numbers.length ? part("chosen", say("cases"), open.filter((one) => numbers.includes(one.number)).map(caseCard)) : null);
  shown.map.on("click", "cases", (event) => tell(event.features.map((feature) => feature.properties.number)));
  const aimed = what === "task" ? null : open.find((one) => one.number === what);
  if (aimed) { shown.see(aimed.lon, aimed.lat); tell([aimed.number]); } else tell(open.map((one) => one.number)); // the list says what the dots say
  const task = what === "task" ? tasks.find((one) => String(one.id) === id) : null;
  if (task?.cells) shown.map.fitBounds(boundsOf(cellsOf([task])), { padding: 24, animate: false });
  const { position } = app.duty;
  if (position) shown.show([[position.lon, position.lat]], "geopoint");
  here.addEventListener("click", async () => {
    fill(said, say("locating"));
    try {
      const found = await locate();
      shown.show([[found.lon, found.lat]], "geopoint");
      shown.see(found.lon, found.lat, 15);
      fill(said);
    } catch (wrong) {
      fill(said, say("no_location", { reason: wrong.message }));
    }
  });
}

/** Return the districts' outlines, fetched once. */
async function wide(app) {
  const kept = await app.store.kept("outlines");
  if (kept || !app.online) return kept;
  const shapes = await fetch("/map/areas/district.json").then((answer) => (answer.ok ? answer.json() : null), () => null);
  if (shapes) await app.store.keep("outlines", shapes);
  return shapes;
}

function cellsOf(tasks) {
  const features = tasks.filter((task) => task.cells).flatMap(({ cells }) => {
    const dy = cells.size_m / 111_320;
    const dx = dy / Math.cos((cells.south * Math.PI) / 180);
    const seen = new Set((cells.seen ?? []).map(String));
    return cells.wanted.map(([x, y]) => {
      const [west, south] = [cells.west + x * dx, cells.south + y * dy];
      return { type: "Feature", properties: { seen: seen.has(String([x, y])) ? "yes" : "no" }, geometry: { type: "Polygon", coordinates: [[[west, south], [west + dx, south], [west + dx, south + dy], [west, south + dy], [west, south]]] } };
    });
  });
  return { type: "FeatureCollection", features };
}

function boundsOf(shapes) {
  let found = null;
  const walk = (part) => {
    if (typeof part[0] !== "number") return part.forEach(walk);
    const [lon, lat] = part;
    found = found ? [Math.min(found[0], lon), Math.min(found[1], lat), Math.max(found[2], lon), Math.max(found[3], lat)] : [lon, lat, lon, lat];
    return null;
  };
  for (const shape of shapes?.features ?? []) if (shape.geometry) walk(shape.geometry.coordinates);
  return found;
}
