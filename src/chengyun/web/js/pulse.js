// SPDX-License-Identifier: Apache-2.0
// How a value that has just arrived is written, and how it shows that it has.

/** Return a number as the server writes it. */
export function number(value, decimals) {
  return value.toLocaleString("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

/** Let a value light up once; the style sheet leaves that out for those who want less motion. */
export function pulse(node) {
  node.classList.remove("arrived");
  requestAnimationFrame(() => node.classList.add("arrived"));
}
