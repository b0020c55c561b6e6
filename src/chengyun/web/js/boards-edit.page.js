// SPDX-License-Identifier: Apache-2.0
// Composing a board: tiles are moved and resized by pointer or by keys; what they push down keeps its order. The form carries the
// result as JSON; without this script the board's file is written by hand in the same form.

const form = document.querySelector("[data-compose]");
const known = JSON.parse(document.getElementById("board-known").textContent);
const told = JSON.parse(document.getElementById("board-told").textContent);
const grid = form.querySelector("[data-compose-grid]");
const says = form.querySelector("[data-compose-says]");
const panel = form.querySelector("[data-compose-tile]");
const fields = form.querySelector("[data-compose-fields]");
const COLUMNS = known.columns;
const SIZES = { figure: [3, 2], index: [3, 3], chart: [6, 3], map: [6, 5], alerts: [3, 4], cases: [3, 4], league: [3, 4], text: [3, 2], vitals: [3, 6], streams: [3, 4], targets: [3, 4] };
const DEFAULTS = { level: "theme", audience: "staff", wall_s: 20, area: "", department: "" };

const tiles = told.tiles;
let chosen = null;

const named = (tile) => tile.title || nameOf(tile) || known.kinds[tile.kind];

function nameOf(tile) {
  const key = tile.indicator || (tile.indicators ?? [])[0] || tile.layer;
  const found = key && [...known.indicators, ...known.layers].find(([one]) => one === key);
  return found ? found[1] : tile.text ? tile.text.slice(0, 24) : "";
}

function overlaps(one, other) {
  return one !== other && one.x < other.x + other.w && other.x < one.x + one.w && one.y < other.y + other.h && other.y < one.y + one.h;
}

/** Move down whatever lies under a tile, and what lies under that. */
function push(mover) {
  const order = tiles.filter((one) => one !== mover).sort((a, b) => a.y - b.y || a.x - b.x);
  const placed = [mover];
  for (const one of order) {
    let under = placed.find((other) => overlaps(one, other));
    while (under) {
      one.y = under.y + under.h;
      under = placed.find((other) => overlaps(one, other));
    }
    placed.push(one);
  }
}

function place(tile, x, y, w, h) {
  tile.w = Math.min(COLUMNS, Math.max(1, w));
  tile.h = Math.min(24, Math.max(1, h));
  tile.x = Math.min(COLUMNS - tile.w, Math.max(0, x));
  tile.y = Math.min(150, Math.max(0, y));
  push(tile);
}

function say(word, tile) {
  const values = { name: named(tile), x: tile.x + 1, y: tile.y + 1, w: tile.w, h: tile.h };
  says.textContent = known.words[word].replace(/\{(\w+)\}/g, (_whole, name) => values[name]);
}

function draw() {
  const focused = document.activeElement?.dataset?.tile;
  grid.replaceChildren();
  for (const tile of [...tiles].sort((a, b) => a.y - b.y || a.x - b.x)) {
    const cell = document.createElement("button");
    cell.type = "button";
    cell.className = "compose-cell";
    cell.dataset.tile = tile.id;
    cell.setAttribute("aria-pressed", String(tile === chosen));
    cell.style.cssText = `--x: ${tile.x + 1}; --y: ${tile.y + 1}; --w: ${tile.w}; --h: ${tile.h}`;
    const name = document.createElement("b");
    name.textContent = named(tile);
    const kind = document.createElement("span");
    kind.textContent = known.kinds[tile.kind];
    const corner = document.createElement("i");
    corner.dataset.corner = "";
    cell.append(name, kind, corner);
    grid.append(cell);
    if (focused === tile.id) cell.focus();
  }
  if (!tiles.length) grid.textContent = known.words.none;
  panel.hidden = !chosen;
}

function choose(tile) {
  chosen = tile;
  draw();
  fields.replaceChildren();
  if (tile) for (const name of ["title", "title_en", ...known.fields[tile.kind]]) fields.append(fieldOf(tile, name));
}

const LISTS = { indicator: "indicators", indicators: "indicators", parts: "indicators", layer: "layers", rules: "rules", types: "types", area: "areas" };
const WORDS = { better: ["lower", "higher"], level: ["district", "street", "subject"], severities: ["blue", "yellow", "orange", "red"], span: ["24h", "7d", "30d", "1y"] };
const MANY = new Set(["indicators", "parts", "rules", "types", "severities"]);
const NUMBERS = new Set(["target", "warn", "bad", "limit"]);
const FLAGS = new Set(["overdue", "lowest_first"]);

function fieldOf(tile, name) {
  const line = document.createElement("p");
  line.className = "field";
  const label = document.createElement("label");
  label.textContent = known.words[name] ?? name;
  label.htmlFor = `t-${name}`;
  const options = LISTS[name] ? known[LISTS[name]] : WORDS[name]?.map((one) => [one, known.words[one] ?? one]);
  const input = document.createElement(options ? "select" : name === "text" ? "textarea" : "input");
  input.id = `t-${name}`;
  if (options) {
    input.multiple = MANY.has(name);
    if (input.multiple) input.size = Math.min(6, options.length);
    if (!input.multiple && !WORDS[name]) input.append(new Option("", ""));
    for (const [value, text] of options) {
      const option = new Option(text, value);
      option.selected = MANY.has(name) ? (tile[name] ?? []).includes(value) : (tile[name] ?? WORDS[name]?.[0] ?? "") === value;
      input.append(option);
    }
  } else if (FLAGS.has(name)) {
    input.type = "checkbox";
    input.checked = Boolean(tile[name]);
  } else {
    if (NUMBERS.has(name)) {
      input.type = "number";
      input.step = "any";
    }
    input.value = tile[name] ?? "";
  }
  input.addEventListener("change", () => {
    let value = input.value;
    if (MANY.has(name)) value = [...input.selectedOptions].map((one) => one.value);
    else if (FLAGS.has(name)) value = input.checked;
    else if (NUMBERS.has(name)) value = input.value === "" ? "" : Number(input.value);
    if (value === "" || value === false || (Array.isArray(value) && !value.length)) delete tile[name];
    else tile[name] = value;
    draw();
  });
  line.append(label, input);
  return line;
}

/** Return the first place, row by row, where a tile of this size lies upon no other. */
function freePlace(w, h) {
  for (let y = 0; ; y += 1) {
    for (let x = 0; x + w <= COLUMNS; x += 1) if (!tiles.some((one) => overlaps({ x, y, w, h }, one))) return [x, y];
  }
}

function add(kind) {
  const [w, h] = SIZES[kind];
  const [x, y] = freePlace(w, h);
  let number = tiles.length + 1;
  while (tiles.some((one) => one.id === `${kind}_${number}`)) number += 1;
  const tile = { id: `${kind}_${number}`, kind, x, y, w, h };
  if (kind === "text") tile.text = known.kinds.text;
  if (kind === "index") tile.indicator = known.indices[0] ?? "";
  if (kind === "figure" || kind === "league") tile.indicator = known.indicators.find(([key]) => known.subjects[key] === "area")?.[0] ?? "";
  if (kind === "chart") tile.indicators = known.indicators.filter(([key]) => known.subjects[key] === "area").slice(0, 1).map(([key]) => key);
  if (kind === "map") tile.layer = known.layers[0]?.[0] ?? "";
  tiles.push(tile);
  choose(tile);
  say("added", tile);
  grid.querySelector(`[data-tile="${tile.id}"]`).focus();
}

function remove(tile) {
  tiles.splice(tiles.indexOf(tile), 1);
  say("gone", tile);
  choose(null);
  grid.querySelector("[data-tile]")?.focus();
}

function shift(tile, [dx, dy, dw, dh]) {
  place(tile, tile.x + dx, tile.y + dy, tile.w + dw, tile.h + dh);
  draw();
  say("moved", tile);
}

const tileOf = (node) => tiles.find((one) => one.id === node.closest("[data-tile]")?.dataset.tile);
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

grid.addEventListener("click", (event) => {
  const tile = tileOf(event.target);
  if (tile) choose(tile);
});
grid.addEventListener("keydown", (event) => {
  const tile = tileOf(event.target);
  if (!tile) return;
  if (event.key === "Delete") {
    event.preventDefault();
    remove(tile);
  } else if (STEPS[event.key]) {
    event.preventDefault();
    const [dx, dy] = STEPS[event.key];
    if (tile !== chosen) choose(tile);
    shift(tile, event.shiftKey ? [0, 0, dx, dy] : [dx, dy, 0, 0]);
  }
});
grid.addEventListener("pointerdown", (event) => {
  const tile = tileOf(event.target);
  if (!tile || event.button !== 0) return;
  const size = event.target.dataset.corner !== undefined;
  const box = grid.getBoundingClientRect();
  const column = box.width / COLUMNS;
  const row = parseFloat(getComputedStyle(grid).gridAutoRows) + parseFloat(getComputedStyle(grid).rowGap);
  const from = { ...tile };
  const before = tiles.map((one) => [one, one.y]);
  const move = (moving) => {
    const dx = Math.round((moving.clientX - event.clientX) / column);
    const dy = Math.round((moving.clientY - event.clientY) / row);
    for (const [one, y] of before) if (one !== tile) one.y = y;
    if (size) place(tile, from.x, from.y, Math.min(COLUMNS - from.x, from.w + dx), from.h + dy);
    else place(tile, from.x + dx, from.y + dy, from.w, from.h);
    draw();
  };
  const end = () => {
    document.removeEventListener("pointermove", move);
    document.removeEventListener("pointerup", end);
    document.removeEventListener("pointercancel", end);
    choose(tile);
    say("moved", tile);
  };
  document.addEventListener("pointermove", move);
  document.addEventListener("pointerup", end);
  document.addEventListener("pointercancel", end);
});
panel.addEventListener("click", (event) => {
  const moved = event.target.closest("[data-move]");
  if (moved && chosen) shift(chosen, moved.dataset.move.split(",").map(Number));
  if (event.target.closest("[data-remove]") && chosen) remove(chosen);
});

for (const [kind, name] of Object.entries(known.kinds)) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button";
  button.textContent = `+ ${name}`;
  button.addEventListener("click", () => add(kind));
  form.querySelector("[data-compose-add]").append(button);
}
for (const input of form.querySelectorAll("[data-board]")) {
  const name = input.dataset.board;
  if (name === "area") input.append(new Option("", ""), ...known.areas.map(([code, text]) => new Option(text, code)));
  input.value = told[name] ?? DEFAULTS[name] ?? "";
}
form.addEventListener("submit", (event) => {
  if (event.submitter?.value === "file") {
    form.elements.composed.value = "";
    return;
  }
  const board = { ...told, tiles };
  for (const input of form.querySelectorAll("[data-board]")) {
    const value = input.type === "number" ? Number(input.value) : input.value.trim();
    if (value === "" && input.dataset.board !== "key" && input.dataset.board !== "name") delete board[input.dataset.board];
    else board[input.dataset.board] = value;
  }
  form.elements.composed.value = JSON.stringify(board);
});
form.querySelector("[data-compose-view]").hidden = false;
form.querySelector("[data-compose-save]").hidden = false;
choose(null);
