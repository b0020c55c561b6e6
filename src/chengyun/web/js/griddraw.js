// SPDX-License-Identifier: Apache-2.0
// A grid drawn corner by corner. Corners are buttons on the map: dragged with a pointer, moved with the arrow keys (Shift: ten
// times as far), taken away with Delete. What is drawn stands in the form's text as well, a line each, and is read back from it.
import { LngLatBounds, Marker } from "maplibre-gl";

const SNAP_PX = 10; // A corner let go this close to one of a neighbour is that corner: borders are then shared, without gaps.
const STEP_PX = 1;
const METRES_PER_DEGREE = 111_195;

export function startDrawing(city, form) {
  const { map, settings } = city;
  const { words, code } = settings.grids;
  const text = form.querySelector("[name=corners]");
  const said = form.querySelector("[data-drawn]");
  const neighbours = (city.grids?.features ?? []).filter((one) => one.properties.code !== code).flatMap((one) => cornersOf(one.geometry));
  let corners = read(text.value);
  let marks = [];

  map.addSource("drawn", { type: "geojson", data: shapeOf(corners) });
  map.addLayer({ id: "drawn-fill", type: "fill", source: "drawn", paint: { "fill-color": "#ec7a08", "fill-opacity": 0.2 } });
  map.addLayer({ id: "drawn-line", type: "line", source: "drawn", paint: { "line-color": "#ec7a08", "line-width": 2 } });

  const show = () => {
    map.getSource("drawn").setData(shapeOf(corners));
    said.textContent = [words.corners.replace("{count}", corners.length), corners.length > 2 ? words.size.replace("{area}", Math.round(sizeOf(corners)).toLocaleString()) : ""].filter(Boolean).join(" · ");
  };
  const write = () => {
    text.value = corners.map(([lon, lat]) => `${lon.toFixed(7)}, ${lat.toFixed(7)}`).join("\n");
    show();
  };
  const build = (focus) => {
    for (const mark of marks) mark.remove();
    marks = corners.map((place, index) => cornerMark(place, index));
    show();
    if (focus !== undefined) marks[Math.min(focus, marks.length - 1)]?.getElement().focus();
  };
  const snapped = (lngLat) => {
    const at = map.project(lngLat);
    let [best, nearest] = [SNAP_PX, [lngLat.lng, lngLat.lat]];
    for (const place of neighbours) {
      const there = map.project(place);
      const far = Math.hypot(there.x - at.x, there.y - at.y);
      if (far < best) [best, nearest] = [far, place];
    }
    return nearest;
  };
  const put = (lngLat, focus) => {
    corners.splice(placeFor(corners, [lngLat.lng, lngLat.lat]), 0, snapped(lngLat));
    write();
    build(focus ? corners.length - 1 : undefined);
  };

  function cornerMark(place, index) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "corner";
    button.setAttribute("aria-label", words.corner.replace("{number}", index + 1));
    const mark = new Marker({ element: button, draggable: true }).setLngLat(place).addTo(map);
    // The library names every marker an image; this one is a button and says so itself.
    button.setAttribute("role", "button");
    mark.on("drag", () => {
      corners[index] = mark.getLngLat().toArray();
      show();
    });
    mark.on("dragend", () => {
      corners[index] = snapped(mark.getLngLat());
      mark.setLngLat(corners[index]);
      write();
    });
    button.addEventListener("click", (event) => event.stopPropagation());
    button.addEventListener("keydown", (event) => {
      const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
      if (event.key === "Delete" || event.key === "Backspace") {
        corners.splice(index, 1);
        write();
        build(index);
      } else if (ways[event.key]) {
        const far = STEP_PX * (event.shiftKey ? 10 : 1);
        const at = map.project(corners[index]);
        corners[index] = map.unproject([at.x + ways[event.key][0] * far, at.y + ways[event.key][1] * far]).toArray();
        mark.setLngLat(corners[index]);
        write();
      } else {
        return;
      }
      event.preventDefault();
      event.stopPropagation();
    });
    return mark;
  }

  map.on("click", (event) => put(event.lngLat));
  form.querySelector("[data-corner-here]").addEventListener("click", () => put(map.getCenter(), true));
  form.querySelector("[data-corners-clear]").addEventListener("click", () => {
    corners = [];
    write();
    build();
  });
  text.addEventListener("input", () => {
    corners = read(text.value);
    build();
  });
  if (corners.length > 2) {
    const bounds = new LngLatBounds();
    for (const place of corners) bounds.extend(place);
    map.fitBounds(bounds, { padding: 80, animate: false });
  }
  build();
  for (const part of form.querySelectorAll("[data-needs-script]")) part.hidden = false;
}

/** Return where in the ring a new corner belongs: into the side it lengthens least. */
function placeFor(corners, place) {
  if (corners.length < 3) return corners.length;
  const far = (one, other) => Math.hypot(one[0] - other[0], one[1] - other[1]);
  const costs = corners.map((one, index) => {
    const next = corners[(index + 1) % corners.length];
    return far(one, place) + far(place, next) - far(one, next);
  });
  return costs.indexOf(Math.min(...costs)) + 1;
}

function read(text) {
  return text.split("\n").map((line) => line.trim().split(/[\s,，]+/).map(Number)).filter((parts) => parts.length === 2 && parts.every(Number.isFinite) && Math.abs(parts[0]) <= 180 && Math.abs(parts[1]) <= 90);
}

function cornersOf(geometry) {
  const parts = geometry.type === "MultiPolygon" ? geometry.coordinates : [geometry.coordinates];
  return parts.flatMap((rings) => rings.flatMap((ring) => ring.slice(0, -1)));
}

function shapeOf(corners) {
  if (corners.length < 2) return { type: "FeatureCollection", features: [] };
  const closed = [...corners, corners[0]];
  const geometry = corners.length > 2 ? { type: "Polygon", coordinates: [closed] } : { type: "LineString", coordinates: corners };
  return { type: "Feature", properties: {}, geometry };
}

function sizeOf(corners) {
  const squeeze = Math.cos((corners[0][1] * Math.PI) / 180);
  const doubled = corners.reduce((sum, [x, y], index) => {
    const [x2, y2] = corners[(index + 1) % corners.length];
    return sum + x * y2 - x2 * y;
  }, 0);
  return (Math.abs(doubled) / 2) * METRES_PER_DEGREE ** 2 * squeeze;
}
