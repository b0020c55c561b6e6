// SPDX-License-Identifier: Apache-2.0
// What every application without a network begins with: who is here, the bar with the state of sending, languages, the look,
// signing out, the worker that keeps the frame. An application adds its screens.
import { isDark } from "../theme.js";
import { fill, h, told } from "./dom.js";
import { forget } from "./leave.js";
import { NotNow, RefusedByServer, SignIn, ask } from "./network.js";
import { Outbox, WAITING } from "./outbox.js";
import { askToKeep, room } from "./room.js";
import { Store, waitingOfAll } from "./store.js";
import { keepKey, keptVault } from "./vault.js";
import { ago, chooseLanguage, languageNow, megabytes, say, startWords } from "./words.js";

export const settings = told("told");
const LEAVING = "chengyun.leaving";
const LITTLE = 50 * 1048576;

/**
 * Start an application. setup: where it asks who is here, unless identify(app) knows; taken(setup, app) keeps what the server
 * told; round(outbox, app) sends what waits; show(app, screen, rest) draws into app.main; title: name of its word. It may have
 * opened(app) once somebody's things are open, menu(app), told(app) after every change of standing, decisions(app) → how many beside the outbox; on signing out left(app) first,
 * mark(app) → a word to remember, and ended(word, csrf) as the last thing the session does, perhaps much later.
 */
export async function startApp(application) {
  startWords(settings.languages, settings.zone);
  const theme = document.cookie.match(/(?:^|; )theme=(light|dark)/)?.[1];
  if (theme) document.documentElement.dataset.theme = theme;
  const app = new App(application);
  await app.start();
  return app;
}

class App {
  constructor(application) {
    Object.assign(this, { application, store: null, outbox: null, setup: null, signIn: false, online: false, standing: {}, waiting: 0, deciding: 0 });
    this.main = h("main", { id: "main", tabindex: "-1" });
    this.chip = h("a", { class: "sync", href: "#/outbox", "aria-live": "polite" }, "…");
    this.bar = h("header", { class: "app-bar" });
    this.notices = h("div", { class: "app-notices", role: "status" });
    fill(document.getElementById("app"), this.bar, this.notices, this.main);
    addEventListener("hashchange", () => this.show());
    addEventListener("offline", () => { this.online = false; this.tell(); });
    addEventListener("online", () => this.refresh());
    setInterval(() => this.tell(), 30_000);
  }

  async start() {
    this.#bar();
    if (!globalThis.isSecureContext || !navigator.serviceWorker) return fill(this.main, h("p", { class: "notice notice-bad" }, say("insecure")));
    this.#worker();
    const known = await keptVault();
    if (known) await this.#open(known.account, "", known.vault);
    // With something kept the screen stands at once; the server is asked beside it.
    if (this.setup) this.show();
    await this.refresh();
    if (!this.setup) await this.#stranger();
    return null;
  }

  async #open(account, name, vault) {
    this.store = await Store.open(this.application.key, account, name, vault);
    this.setup = await this.store.kept("setup");
    this.outbox = new Outbox(this.store, (outbox) => this.application.round(outbox, this), (standing) => this.#stands(standing));
    await this.application.opened?.(this);
    await this.tell();
  }

  #stands(standing) {
    this.standing = standing;
    if (standing.reached !== null) this.online = standing.reached;
    if (standing.signIn) this.strange();
    this.tell();
  }

  /** Ask the server who is here and what is new; then send what waits. */
  async refresh() {
    try {
      await this.#endSession();
      const known = await this.application.identify?.(this);
      const setup = known ?? (await (await ask(this.application.setup)).json());
      if (!known) this.online = true;
      this.signIn = false;
      if (setup.account !== this.store?.account) await this.#enter(setup);
      this.setup = setup;
      await this.store.keep("setup", { ...setup, csrf: "", key: "" });
      await this.application.taken(setup, this);
    } catch (wrong) {
      if (wrong instanceof SignIn) await this.strange();
      else if (wrong instanceof NotNow) this.online = false;
      else if (wrong instanceof RefusedByServer) return this.#refused(wrong);
      else throw wrong;
    }
    await this.tell();
    if (!this.setup) return null;
    if (!this.main.contains(document.activeElement) && !this.busy) this.show();
    if (!this.signIn) await this.outbox.run(true);
    return null;
  }

  /** Say why the server will not have this account or device here. */
  #refused({ status, message }) {
    fill(this.main, h("div", { class: "app-page stack" }, h("p", { class: "notice notice-bad" }, status === 404 ? say("not_allowed") : message)));
  }

  /** The server does not know us any more: what is here stays, and is sent after signing in. */
  async strange() {
    this.signIn = this.online = true;
    await this.application.strange?.(this);
  }

  async #enter(setup) {
    const vault = await keepKey(setup.account, setup.key).then(keptVault);
    await this.#open(setup.account, setup.name, vault.vault);
    await askToKeep();
  }

  async #stranger() {
    const others = (await waitingOfAll(this.application.key)).filter((one) => one.waiting + one.drafts > 0);
    fill(this.main, h("div", { class: "stack app-page" },
      h("p", { class: "notice" }, say("first_online")),
      others.map((one) => h("p", { class: "notice" }, say("others_waiting", { name: one.name, n: one.waiting + one.drafts }))),
      h("p", { class: "actions" },
        h("a", { class: "button button-main button-large", href: `/accounts/login/?next=${encodeURIComponent(location.pathname)}` }, say("sign_in")),
        h("button", { type: "button", class: "button button-large", onclick: () => location.reload() }, say("start_again")))));
  }

  /** Draw the screen the address names. */
  show() {
    if (!this.setup) return;
    document.title = say(this.application.title);
    this.busy = false;
    const [, screen = "", ...rest] = location.hash.replace(/^#/, "").split("/");
    this.application.show(this, screen, rest.map(decodeURIComponent));
  }

  go(hash) {
    if (location.hash === hash) this.show();
    else location.hash = hash;
  }

  /** Write a finished thing into the outbox, in one transaction with other changes, and send it when that is possible. */
  async queue(item, ...also) {
    await this.store.write(item, ...also);
    await this.tell();
    this.outbox.run(true);
  }

  /** Say in the bar how things stand. */
  async tell() {
    const items = this.store ? await this.store.db.getAll("outbox") : [];
    this.waiting = items.filter((item) => item.state === WAITING).length;
    this.deciding = items.length - this.waiting + (this.application.decisions?.(this) ?? 0);
    const oldest = items.filter((item) => item.state === WAITING).reduce((least, item) => Math.min(least, item.at), Infinity);
    const { sending, next } = this.standing;
    const parts = [];
    if (this.deciding) parts.push(say("decide_n", { n: this.deciding }));
    if (this.waiting) parts.push(`${say("waiting_n", { n: this.waiting })} · ${say("since", { when: ago(oldest) })}`);
    if (sending && this.waiting) parts.push(say("sending"));
    else if (this.waiting && next && this.online) parts.push(say("next_try", { when: `${Math.max(1, Math.round((next - Date.now()) / 1000))} s` }));
    if (!parts.length && this.store) parts.push(say("all_sent"));
    const online = this.online && navigator.onLine;
    this.chip.dataset.state = this.deciding ? "decide" : this.waiting ? "waiting" : "clear";
    this.chip.dataset.online = String(online);
    fill(this.chip, h("span", { class: `status ${online ? "status-fresh" : "status-stale"}` }, say(online ? "online" : "offline")), h("span", {}, parts.join(" · ")));
    this.#notices();
    this.application.told?.(this);
  }

  #notices() {
    fill(this.notices,
      this.signIn && this.store ? h("p", { class: "notice notice-bad" }, say("sign_in_to_send"), " ", h("a", { href: `/accounts/login/?next=${encodeURIComponent(location.pathname)}` }, say("sign_in"))) : null,
      this.ready ? h("p", { class: "notice" }, say("new_version"), " ", h("button", { type: "button", class: "button", onclick: () => this.ready.postMessage("take over") }, say("take_over"))) : null);
  }

  #bar() {
    const others = Object.keys(settings.languages).filter((code) => code !== languageNow());
    fill(this.bar,
      h("a", { class: "app-home", href: "#/" }, h("strong", {}, say(this.application.title)), h("span", {}, settings.city[languageNow()])),
      this.chip,
      h("details", { class: "menu menu-end app-menu" }, h("summary", { "aria-label": say("menu") }, "☰"),
        h("div", { class: "menu-list" },
          this.application.menu?.(this) ?? null,
          others.map((code) => h("button", { type: "button", class: "menu-item", lang: code === "en" ? "en" : "zh-CN", onclick: () => { chooseLanguage(code); this.#bar(); this.tell(); this.setup ? this.show() : location.reload(); } }, settings.names[code])),
          h("button", { type: "button", class: "menu-item", onclick: () => this.#look() }, say("look")),
          h("button", { type: "button", class: "menu-item", onclick: () => this.leave() }, say("sign_out")))));
  }

  #look() {
    const next = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    document.cookie = `theme=${next}; path=/; max-age=31536000; samesite=lax`;
    document.dispatchEvent(new Event("theme"));
  }

  /** Sign out here, and at the server when it can be reached. */
  async leave() {
    const left = this.waiting + this.deciding;
    if (left && !confirm(say("leave_waiting", { n: left }))) return;
    await this.application.left?.(this);
    const mark = (await this.application.mark?.(this)) ?? "1";
    for (const name of (await this.store?.keptNames()) ?? []) await this.store.drop(name);
    await forget();
    localStorage.setItem(LEAVING, mark);
    await this.#endSession().catch(() => null);
    history.replaceState(null, "", settings.home);
    location.reload();
  }

  /** End the session of whoever signed out here while the server could not be reached. Raises as `ask` does. */
  async #endSession() {
    const mark = localStorage.getItem(LEAVING);
    if (!mark) return;
    try {
      const { csrf } = await (await ask(this.application.setup)).json();
      await this.application.ended?.(mark, csrf);
      await ask("/accounts/logout/", { method: "POST", headers: { "X-CSRFToken": csrf } });
    } catch (wrong) {
      if (!(wrong instanceof SignIn)) throw wrong; // who is sent to the sign-in page is signed out
    }
    localStorage.removeItem(LEAVING);
  }

  async #worker() {
    const registered = await navigator.serviceWorker.register(`${settings.home}worker.js`, { scope: settings.home });
    const had = Boolean(navigator.serviceWorker.controller);
    navigator.serviceWorker.addEventListener("controllerchange", () => had && location.reload());
    const look = () => {
      this.ready = had ? registered.waiting : null;
      this.#notices();
    };
    registered.addEventListener("updatefound", () => registered.installing?.addEventListener("statechange", look));
    look();
  }

  /** Return a line about the room that is left, null when the browser does not say. */
  async roomLine() {
    const found = await room();
    if (!found) return null;
    return h("p", { class: `hint${found.left < LITTLE ? " wrong" : ""}` },
      found.left < LITTLE ? say("room_little", { left: megabytes(found.left) }) : say("room", { used: megabytes(found.used), left: megabytes(found.left) }),
      " · ", say(found.kept ? "room_kept" : "room_not_kept"));
  }
}
