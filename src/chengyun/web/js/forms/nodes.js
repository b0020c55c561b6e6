// SPDX-License-Identifier: Apache-2.0
// A form's tree as elements. Each view is made once and told to look again whenever the engine has computed.
import { fill, h } from "../offline/dom.js";
import { say } from "../offline/words.js";
import { controlOf } from "./controls.js";

/** Return {element, refresh} of a node, null for what nobody sees. */
export function viewOf(node, form) {
  if (node.nodeType === "group") return groupView(node, form);
  if (node.nodeType.startsWith("repeat-range")) return repeatView(node, form);
  if (node.nodeType === "model-value") return null;
  return questionView(node, form);
}

/** Show the children of a node in an element and keep them in order; return a function that looks again. */
export function childrenIn(element, node, form) {
  const views = new Map();
  return () => {
    const children = node.currentState.children ?? [];
    const present = new Set(children.map((child) => child.nodeId));
    for (const id of [...views.keys()]) if (!present.has(id)) views.delete(id);
    const shown = [];
    for (const child of children) {
      if (!views.has(child.nodeId)) views.set(child.nodeId, viewOf(child, form));
      const view = views.get(child.nodeId);
      if (!view) continue;
      view.refresh();
      shown.push(view.element);
    }
    // Moving an element takes the focus from what is typed in it: only a real change moves anything.
    if (shown.length !== element.children.length || shown.some((one, place) => element.children[place] !== one)) fill(element, shown);
  };
}

const textOf = (range) => range?.asString.trim() ?? "";

function groupView(node, form) {
  const legend = h("h2");
  const inside = h("div", { class: "stack" });
  const element = h("section", { class: "form-group" }, legend, inside);
  const look = childrenIn(inside, node, form);
  return {
    element,
    refresh() {
      element.hidden = !node.currentState.relevant || node.currentState.hasRelevantBodyNodes === false;
      legend.textContent = textOf(node.currentState.label);
      legend.hidden = !legend.textContent;
      look();
    },
  };
}

function repeatView(node, form) {
  const free = node.nodeType === "repeat-range:uncontrolled";
  const heading = h("h2");
  const inside = h("div", { class: "stack" });
  const add = h("button", { type: "button", class: "button button-large", onclick: () => { node.addInstances(); form.changed(); inside.lastElementChild?.scrollIntoView({ block: "start" }); } });
  const element = h("section", { class: "form-repeat" }, heading, inside, free ? add : null);
  const views = new Map();
  return {
    element,
    refresh() {
      element.hidden = !node.currentState.relevant;
      const label = textOf(node.currentState.label);
      heading.textContent = label;
      add.textContent = label ? `${say("add")}：${label}` : say("add");
      const items = node.currentState.children;
      const present = new Set(items.map((item) => item.nodeId));
      for (const id of [...views.keys()]) if (!present.has(id)) views.delete(id);
      const shown = items.map((item, place) => {
        if (!views.has(item.nodeId)) views.set(item.nodeId, itemView(item, node, free, form));
        const view = views.get(item.nodeId);
        view.refresh(place);
        return view.element;
      });
      if (shown.length !== inside.children.length || shown.some((one, place) => inside.children[place] !== one)) fill(inside, shown);
    },
  };
}

function itemView(item, range, free, form) {
  const heading = h("h3");
  const inside = h("div", { class: "stack" });
  let place = 0;
  const remove = h("button", { type: "button", class: "button", onclick: () => {
    if (!confirm(say("remove_sure", { what: heading.textContent }))) return;
    range.removeInstances(place);
    form.changed();
  } }, say("remove"));
  const element = h("article", { class: "form-item" }, h("div", { class: "form-item-head" }, heading, free ? remove : null), inside);
  const look = childrenIn(inside, item, form);
  return {
    element,
    refresh(now) {
      place = now;
      element.hidden = !item.currentState.relevant;
      heading.textContent = textOf(item.currentState.label) || say("item_n", { n: place + 1 });
      look();
    },
  };
}

function questionView(node, form) {
  const id = node.nodeId.replace(/\W/g, "-");
  const label = h("span", { class: "question-label" });
  const must = h("span", { class: "question-must" }, say("required"));
  const hint = h("p", { class: "hint", id: `${id}-hint` });
  const wrong = h("p", { class: "wrong", id: `${id}-wrong` });
  const control = controlOf(node, { id, form, label: () => label.textContent });
  const head = control.several ? h("legend", {}, label, " ", must) : h("label", control.labels ? { for: id } : { id: `${id}-label` }, label, " ", must);
  const element = h(control.several ? "fieldset" : "div", { class: `question question-${node.nodeType}`, id: `${id}-question` }, head, hint, control.element, wrong);
  const target = control.input ?? control.element;
  let touched = false;
  element.addEventListener("focusout", () => { touched = true; form.look(); });
  return {
    element,
    refresh() {
      const state = node.currentState;
      element.hidden = !state.relevant;
      label.textContent = textOf(state.label) || textOf(node.nodeType === "note" ? state.noteText : null);
      hint.textContent = textOf(state.hint);
      hint.hidden = !hint.textContent;
      must.hidden = !state.required;
      const violation = node.validationState.violation;
      const shown = violation && (touched || form.checked);
      wrong.textContent = shown ? textOf(violation.message) || say(violation.condition) : "";
      wrong.hidden = !shown;
      if (shown) target.setAttribute("aria-invalid", "true");
      else target.removeAttribute("aria-invalid");
      const described = [hint.hidden ? "" : hint.id, shown ? wrong.id : ""].filter(Boolean).join(" ");
      if (described) target.setAttribute("aria-describedby", described);
      else target.removeAttribute("aria-describedby");
      control.refresh(state);
    },
  };
}
