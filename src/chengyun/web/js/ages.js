// SPDX-License-Identifier: Apache-2.0
// `<time class="age" datetime>` says how long ago something was; this keeps it true while the page stays open.

const STEPS = [
  [86400 * 2, 86400, "day"],
  [3600 * 2, 3600, "hour"],
  [60, 60, "minute"],
  [0, 1, "second"],
];

/** Return "3 minutes ago" in the page's language. Same steps as the server's `age` tag. */
export function sayAge(seconds, language) {
  const words = new Intl.RelativeTimeFormat(language, { numeric: "always" });
  const size = Math.abs(seconds);
  const [, unit, name] = STEPS.find(([from]) => size >= from);
  const count = Math.floor(size / unit) * (seconds < 0 ? 1 : -1);
  return words.format(count, name).replace(/(\d)(?=[\u4e00-\u9fff])/, "$1 ");
}

export function startAges() {
  const language = document.documentElement.lang;
  const update = () => {
    for (const node of document.querySelectorAll("time.age[datetime]")) {
      const said = sayAge((Date.now() - Date.parse(node.dateTime)) / 1000, language);
      if (node.textContent !== said) node.textContent = said;
    }
  };
  setInterval(update, 15_000);
}
