// SPDX-License-Identifier: Apache-2.0
// Elements, written short. Text is always text: nothing here makes markup out of what somebody wrote.

/** Return an element. Attributes: `on…` functions listen, true and false switch, null leaves out; children: nodes, texts, lists. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Show these children and no others. */
export function fill(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
}

/** Return the JSON that stands in a `json_script` of the page. */
export function told(id) {
  return JSON.parse(document.getElementById(id).textContent);
}
