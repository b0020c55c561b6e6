// SPDX-License-Identifier: Apache-2.0
// Live updates: one EventSource to the stream process. Each event says only what changed; the page asks for it again,
// at most every few seconds, through the same address and the same access rules it was made by. When the channel is
// away the page says so quietly and asks every half minute.

import { number, pulse } from "./pulse.js";

const POLL_EVERY_MS = 30_000;
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 60_000;

const node = document.querySelector("[data-live]");
const settings = JSON.parse(document.getElementById(node.dataset.live).textContent);
const notice = document.querySelector("[data-live-notice]");
// A page may ask sooner, and of fewer kinds of news, than the city's board does.
const refreshEveryMs = settings.every ?? 2_000;
const kinds = settings.kinds ?? ["rows", "figure", "alert", "case", "message"];

// Said aloud only when the sentence changes: a board that speaks at every reading would be switched off.
document.addEventListener("htmx:oobAfterSwap", (event) => {
  const sentence = event.detail.target.dataset?.says;
  const says = document.querySelector("[data-live-says]");
  if (sentence && says.textContent !== sentence) says.textContent = sentence;
});

let ticket = settings.ticket;
let wait = FIRST_WAIT_MS;
let polling = null;
let pending = null;
let lastRefresh = 0;
let stopped = false;

// A page that goes on to show the past does not want news any more.
document.addEventListener("live:stop", () => { stopped = true; });

function changed() {
  if (pending || stopped || document.hidden) return;
  // The server keeps an answer for a moment; asked at once, it would still be the one from before the news.
  const due = Math.max(settings.after ?? 0, lastRefresh + refreshEveryMs - Date.now());
  pending = setTimeout(() => {
    pending = null;
    lastRefresh = Date.now();
    refresh();
  }, due);
}

/** Tell the parts of the page that can show it at once; the rest follows with the next refresh. */
function show(kind, event) {
  if (stopped || document.hidden) return;
  const detail = JSON.parse(event.data);
  document.dispatchEvent(new CustomEvent(`live:${kind}`, { detail }));
  const news = kind === "figure" && detail.data;
  const tile = news && news.subject && document.querySelector(`[data-figure="${CSS.escape(`${detail.dataset}|${news.subject}`)}"]`);
  if (!tile || news.period_start < tile.dataset.period || news.value == null) return;
  const value = tile.querySelector(".tile-value");
  const said = number(news.value, Number(tile.dataset.decimals));
  if (value.textContent === said) return;
  value.textContent = said;
  pulse(value);
}

function refresh() {
  if (stopped) return;
  // A reader who is in the middle of the list keeps it: nothing moves under the keyboard.
  const held = document.activeElement.closest("[hx-swap-oob]");
  if (!held) window.htmx.ajax("GET", settings.refresh, { source: node, target: node, swap: "none" });
  document.dispatchEvent(new Event("live:changed"));
}

function unreachable(is) {
  notice.hidden = !is;
  if (is && !polling) polling = setInterval(refresh, POLL_EVERY_MS);
  if (!is && polling) {
    clearInterval(polling);
    polling = null;
  }
}

async function renew() {
  const answer = await fetch(settings.renew, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`ticket: ${answer.status}`);
  const fresh = await answer.json();
  ticket = fresh.ticket;
  settings.expires = fresh.expires;
}

async function connect() {
  try {
    if (Date.parse(settings.expires) - Date.now() < 60_000) await renew();
  } catch {
    again();
    return;
  }
  const source = new EventSource(`${settings.url}/live?ticket=${encodeURIComponent(ticket)}`);
  // Re-issued before it expires: the channel is closed and opened with the new one.
  const renewal = setTimeout(() => {
    source.close();
    connect();
  }, Math.max(5_000, Date.parse(settings.expires) - Date.now() - 30_000));
  source.addEventListener("open", () => {
    wait = FIRST_WAIT_MS;
    unreachable(false);
  });
  for (const kind of ["rows", "figure"]) source.addEventListener(kind, (event) => show(kind, event));
  for (const kind of kinds) source.addEventListener(kind, changed);
  source.addEventListener("error", () => {
    source.close();
    clearTimeout(renewal);
    again();
  });
}

function again() {
  unreachable(true);
  setTimeout(connect, wait + Math.random() * 500);
  wait = Math.min(wait * 2, LONGEST_WAIT_MS);
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) changed();
});
connect();
