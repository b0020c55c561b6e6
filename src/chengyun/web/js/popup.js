// SPDX-License-Identifier: Apache-2.0
// What is known about one entity on the map: name, value with unit and class, time, source, the way to more.
import { sayAge } from "./ages.js";

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text != null) made.textContent = text;
  return made;
}

function link(href, text) {
  const made = element("a", "", text);
  made.href = href;
  return made;
}

export function openPopup(city, layer, known, at) {
  const words = city.settings.words;
  const box = element("div", "map-popup");
  box.append(element("h3", "", known.name));
  const figure = element("p", "tile-figure");
  figure.append(element("span", "tile-value", known.text), element("span", "tile-unit", known.unit));
  if (known.band) {
    const chip = element("span", "chip", known.band);
    chip.style.setProperty("--chip", known.colour);
    figure.append(chip);
  }
  box.append(element("p", "note", layer.value_name), figure);
  const meta = element("p", "tile-meta");
  meta.append(element("span", `status status-${known.status}`, words[known.status]));
  if (known.time) {
    meta.append(element("span", "", known.time_text));
    const age = element("time", "age", sayAge((Date.now() - Date.parse(known.time)) / 1000, document.documentElement.lang));
    age.dateTime = known.time;
    meta.append(age);
  }
  // Properties that went through the map's worker arrive as they left; booleans stay booleans.
  if (known.simulated) meta.append(element("span", "badge badge-simulated", words.simulated));
  box.append(meta, element("p", "note", `${words.source} ${layer.source}`));
  const ways = element("p", "tile-meta");
  ways.append(link(known.href, words.details));
  if (known.why) ways.append(link(known.why, words.why));
  box.append(ways);
  city.popup.setLngLat(at).setDOMContent(box).addTo(city.map);
}
