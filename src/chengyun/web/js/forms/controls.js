// SPDX-License-Identifier: Apache-2.0
// One control for each kind of question: {element, refresh(state)}, and `several` when it is a set of inputs under one legend,
// `labels` when its element takes the label itself.
import { fill, h } from "../offline/dom.js";
import { takePhoto } from "../offline/photos.js";
import { placeControl } from "../offline/place.js";
import { say } from "../offline/words.js";

const MANY = 8; // Above this many choices a list to open is quicker than buttons to scan.
const INPUTS = { int: { inputmode: "numeric" }, decimal: { inputmode: "decimal" }, date: { type: "date" }, time: { type: "time" }, dateTime: { type: "datetime-local" } };

export function controlOf(node, told) {
  switch (node.nodeType) {
    case "input":
      return node.valueType.startsWith("geo") ? placeQuestion(node, told) : inputQuestion(node, told);
    case "select":
      return selectQuestion(node, told);
    case "upload":
      return photoQuestion(node, told);
    case "range":
      return rangeQuestion(node, told);
    case "rank":
      return rankQuestion(node, told);
    case "trigger":
      return boxQuestion(node, told);
    case "note":
      return { element: h("p", { class: "note-value" }), labels: false, refresh() {} };
    default:
      return { element: h("p", { class: "notice" }, say("not_known", { kind: node.nodeType })), refresh() {} };
  }
}

function inputQuestion(node, { id, form }) {
  const rows = node.nodeOptions?.rows ?? (node.appearances?.multiline ? 3 : 0);
  const long = node.valueType === "string" && (rows > 1 || node.appearances?.multiline);
  const input = long ? h("textarea", { id, rows: rows || 3 }) : h("input", { id, type: "text", autocomplete: "off", ...INPUTS[node.valueType] });
  input.addEventListener("input", () => {
    try {
      node.setValue(input.value.trim() === "" ? "" : coming(node.valueType, input.value));
      input.setCustomValidity("");
    } catch (wrong) {
      input.setCustomValidity(wrong.message); // half a number is no number yet
    }
    form.changed();
  });
  return {
    element: input, input, labels: true,
    refresh(state) {
      input.readOnly = state.readonly;
      const value = shown(node.valueType, state.instanceValue ?? "");
      if (document.activeElement !== input && input.value !== value) input.value = value;
    },
  };
}

const coming = (kind, text) => (kind === "dateTime" ? `${text}${text.length === 16 ? ":00" : ""}` : kind === "time" && text.length === 5 ? `${text}:00` : text.trim() === text || kind === "string" ? text : text.trim());
const shown = (kind, text) => (kind === "dateTime" ? text.slice(0, 16) : kind === "time" ? text.slice(0, 5) : kind === "date" ? text.slice(0, 10) : text);

function selectQuestion(node, { id, form }) {
  const one = node.selectType === "select1";
  const minimal = one && (node.appearances?.minimal || node.currentState.valueOptions.length > MANY);
  let drawn = "";
  const say_options = () => node.currentState.valueOptions.map((item) => [item.value, item.label.asString]);
  if (minimal) {
    const list = h("select", { id, onchange: () => { node.selectValue(list.value || null); form.changed(); } });
    return {
      element: list, input: list, labels: true,
      refresh(state) {
        const options = say_options();
        if (drawn !== (drawn = JSON.stringify(options))) fill(list, h("option", { value: "" }, say("choose")), options.map(([value, text]) => h("option", { value }, text)));
        list.value = state.value[0] ?? "";
        list.disabled = state.readonly;
      },
    };
  }
  const boxes = h("div", { class: "choices" });
  return {
    element: boxes, several: true,
    refresh(state) {
      const options = say_options();
      if (drawn !== (drawn = JSON.stringify(options))) {
        fill(boxes, options.map(([value, text]) => {
          const box = h("input", { type: one ? "radio" : "checkbox", name: id, value, onchange: () => {
            if (one) node.selectValue(value);
            else node.selectValues([...boxes.querySelectorAll("input:checked")].map((it) => it.value));
            form.changed();
          } });
          return h("label", { class: "choice" }, box, h("span", {}, text));
        }));
      }
      for (const box of boxes.querySelectorAll("input")) {
        box.checked = state.value.includes(box.value);
        box.disabled = state.readonly;
      }
    },
  };
}

function photoQuestion(node, { id, form }) {
  const picture = node.nodeOptions.media.type === "image" || node.nodeOptions.media.type === null;
  const accept = node.nodeOptions.media.accept;
  const view = h("div", { class: "photo-shown" });
  const said = h("p", { class: "hint photo-hash", "aria-live": "polite" });
  let of = null;
  async function take(event) {
    const [file] = event.target.files;
    event.target.value = "";
    if (!file) return;
    try {
      const { bytes, type, sha256 } = await takePhoto(file, node.maxPixels ?? undefined);
      const ending = type === "image/jpeg" ? ".jpg" : /\.\w+$/.exec(file.name)?.[0] ?? "";
      node.setValue(new File([bytes], `${sha256.slice(0, 16)}${ending}`, { type }));
    } catch (wrong) {
      said.textContent = `${say("photo_broken")} (${wrong.message})`;
    }
    form.changed();
  }
  const input = h("input", { type: "file", id, class: "only-read", accept, onchange: take });
  const camera = picture ? h("input", { type: "file", id: `${id}-camera`, class: "only-read", accept: "image/*", capture: "environment", onchange: take }) : null;
  const remove = h("button", { type: "button", class: "button", onclick: () => { node.setValue(null); form.changed(); } }, say("remove_photo"));
  const element = h("div", { class: "photo" }, view, said, h("div", { class: "actions" },
    camera ? h("label", { class: "button button-main button-large", for: `${id}-camera` }, say("add_photo"), camera) : null,
    h("label", { class: "button button-large", for: id }, say("choose_photo"), input), remove));
  return {
    element, input, labels: true,
    refresh(state) {
      const file = state.value;
      remove.hidden = !file;
      if (file === of) return;
      of = file;
      if (!file) { fill(view); said.textContent = ""; return; }
      const source = URL.createObjectURL(file);
      fill(view, file.type.startsWith("image/") ? h("img", { src: source, alt: file.name, onload: () => URL.revokeObjectURL(source) }) : h("p", {}, file.name));
      file.arrayBuffer().then(async (bytes) => {
        const { hash } = await import("../offline/photos.js");
        said.textContent = `SHA-256 ${(await hash(bytes)).slice(0, 16)}… · ${(bytes.byteLength / 1024).toFixed(0)} KB`;
      });
    },
  };
}

function placeQuestion(node, { id, form, label }) {
  const kind = node.valueType;
  const read = (text) => text.split(";").map((point) => point.trim().split(/\s+/).map(Number)).filter((point) => point.length > 1)
    .map(([lat, lon, altitude = 0, accuracy = 0]) => [lon, lat, altitude, accuracy]);
  const write = (points) => points.map(([lon, lat, altitude, accuracy]) => `${lat} ${lon} ${altitude} ${accuracy}`).join("; ");
  const closed = (points) => (kind === "geoshape" && points.length > 2 ? [...points, points[0]] : points);
  const open = (points) => (kind === "geoshape" && points.length > 1 && points[0][0] === points.at(-1)[0] && points[0][1] === points.at(-1)[1] ? points.slice(0, -1) : points);
  const least = { geopoint: 1, geotrace: 2, geoshape: 3 }[kind];
  let mine = node.currentState.instanceValue ?? "";
  const control = placeControl({
    kind, points: open(read(mine)), around: form.around, label: label(),
    changed(points) {
      mine = points.length >= least ? write(closed(points)) : "";
      node.setValue(mine);
      mine = node.currentState.instanceValue ?? "";
      form.changed();
    },
  });
  control.element.id = id;
  control.element.setAttribute("role", "group");
  control.element.setAttribute("aria-labelledby", `${id}-label`);
  return {
    element: control.element, labels: false,
    refresh(state) {
      if (state.instanceValue === mine) return;
      mine = state.instanceValue ?? "";
      control.set(open(read(mine)));
    },
  };
}

function rangeQuestion(node, { id, form }) {
  const bounds = node.definition.bodyElement.bounds ?? node.definition.bounds;
  const output = h("output", { for: id });
  const input = h("input", { id, type: "range", min: String(bounds.min), max: String(bounds.max), step: String(bounds.step), oninput: () => { node.setValue(input.value); form.changed(); } });
  return {
    element: h("div", { class: "range" }, input, output), input, labels: true,
    refresh(state) {
      output.textContent = state.instanceValue ?? "";
      if (state.instanceValue) input.value = state.instanceValue;
      input.disabled = state.readonly;
    },
  };
}

function rankQuestion(node, { form }) {
  const list = h("ol", { class: "rank" });
  return {
    element: list, several: true,
    refresh(state) {
      const labels = new Map(state.valueOptions.map((item) => [item.value, item.label.asString]));
      const order = state.value.length ? state.value : [...labels.keys()];
      const move = (place, by) => { const next = [...order]; [next[place], next[place + by]] = [next[place + by], next[place]]; node.setValues(next); form.changed(); };
      fill(list, order.map((value, place) => h("li", {}, h("span", {}, labels.get(value)),
        h("button", { type: "button", class: "button", disabled: place === 0, "aria-label": `${say("up")} ${labels.get(value)}`, onclick: () => move(place, -1) }, "↑"),
        h("button", { type: "button", class: "button", disabled: place === order.length - 1, "aria-label": `${say("down")} ${labels.get(value)}`, onclick: () => move(place, 1) }, "↓"))));
    },
  };
}

function boxQuestion(node, { id, form }) {
  const input = h("input", { id, type: "checkbox", onchange: () => { node.setValue(input.checked); form.changed(); } });
  return { element: h("p", { class: "choice" }, input, h("span", {}, say("confirm_box"))), input, labels: true, refresh: (state) => { input.checked = Boolean(state.value); } };
}
