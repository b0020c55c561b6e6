// SPDX-License-Identifier: Apache-2.0
// The page holds its words in every language, so that it can be switched without a network.

let words = {};
let language = "zh-hans";
let languages = {};
let zone;

/** Take the words of all languages; choose the one of the cookie, else the browser's, as the pages of the site do. cityZone: whose time is shown. */
export function startWords(all, cityZone) {
  languages = all;
  zone = cityZone;
  const codes = Object.keys(all);
  const chosen = document.cookie.match(/(?:^|; )django_language=([\w-]+)/)?.[1];
  const wished = navigator.languages.map((one) => codes.find((code) => code.split("-")[0] === one.toLowerCase().split("-")[0]));
  use(all[chosen] ? chosen : (wished.find(Boolean) ?? codes[0]));
}

function use(chosen) {
  language = chosen;
  words = languages[chosen];
  document.documentElement.lang = chosen === "en" ? "en" : "zh-CN";
}

/** Switch for good; the other pages of the site follow. */
export function chooseLanguage(chosen) {
  document.cookie = `django_language=${chosen}; path=/; max-age=31536000; samesite=lax`;
  use(chosen);
}

export const languageNow = () => language;

/** Return a word with its {places} filled. */
export function say(key, values = {}) {
  const text = words[key];
  if (text === undefined) throw new Error(`There is no word ${key}.`);
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

/** Return how long ago, in words. */
export function ago(moment, now = Date.now()) {
  const seconds = Math.round((new Date(moment).getTime() - now) / 1000);
  const format = new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: "auto" });
  for (const [unit, length] of [["day", 86400], ["hour", 3600], ["minute", 60]]) {
    if (Math.abs(seconds) >= length) return format.format(Math.trunc(seconds / length), unit);
  }
  return format.format(0, "minute");
}

/** Return a moment as date and time of day in the city, wherever the device believes it is. */
export function clock(moment) {
  return new Intl.DateTimeFormat(document.documentElement.lang, { timeZone: zone, month: "numeric", day: "numeric", hour: "2-digit", minute: "2-digit", hour12: false }).format(new Date(moment));
}

export function megabytes(bytes) {
  return `${(bytes / 1048576).toLocaleString(document.documentElement.lang, { maximumFractionDigits: bytes < 10485760 ? 1 : 0 })} MB`;
}
