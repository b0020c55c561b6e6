// SPDX-License-Identifier: Apache-2.0
// On duty and off. Only between the two is the way recorded, and only while this page may see where the device is.
import { operate } from "./work.js";
import { say } from "../offline/words.js";

const APART_M = 8;
const APART_S = 20;
const PART = 200; // points that go as one operation
const PART_S = 300;

export class Duty {
  constructor(app) {
    Object.assign(this, { app, on: null, points: [], recorded: 0, stopped: "", watch: 0, lock: null, timer: 0, position: null });
    document.addEventListener("visibilitychange", () => this.on && document.visibilityState === "visible" && this.#awake());
    addEventListener("pagehide", () => this.#part());
  }

  /** Go on where the page was left. */
  async resume() {
    this.on = await this.app.store.kept("duty");
    const left = await this.app.store.kept("track");
    if (left?.points.length) await this.#send(left);
    if (this.on) this.#record();
  }

  async start() {
    const at = new Date();
    this.on = { since: at.toISOString() };
    this.recorded = 0;
    await operate(this.app, "duty", { on: true }, { title: say("op_duty"), at, also: [{ table: "kept", id: "duty", secret: this.on }] });
    this.#record();
  }

  async stop() {
    navigator.geolocation.clearWatch(this.watch);
    clearInterval(this.timer);
    await this.#part();
    await this.lock?.release();
    this.on = this.lock = null;
    await operate(this.app, "duty", { on: false }, { title: say("op_duty"), also: [{ table: "kept", id: "duty", gone: true }] });
  }

  #record() {
    this.stopped = "";
    this.watch = navigator.geolocation.watchPosition((found) => this.#point(found), (wrong) => { this.stopped = wrong.message; this.app.show(); }, { enableHighAccuracy: true, maximumAge: 5_000 });
    this.timer = setInterval(() => this.#part(), PART_S * 1000);
    this.#awake();
  }

  async #awake() {
    this.lock = (await navigator.wakeLock?.request("screen").catch(() => null)) ?? null;
  }

  async #point({ coords, timestamp }) {
    const last = this.points.at(-1);
    this.position = { lon: coords.longitude, lat: coords.latitude, accuracy_m: coords.accuracy };
    if (last && timestamp - last.at < APART_S * 1000 && metres(last, this.position) < APART_M) return;
    this.points.push({ ...this.position, at: timestamp });
    this.recorded += 1;
    await this.app.store.keep("track", { points: this.points });
    if (this.points.length >= PART) await this.#part();
    this.app.application.moved?.(this.app);
  }

  async #part() {
    const part = { points: this.points };
    this.points = [];
    if (part.points.length) await this.#send(part);
  }

  async #send({ points }) {
    const start = points[0].at;
    const rows = points.map((point) => [Math.round((point.at - start) / 100) / 10, point.lon, point.lat, Math.round(point.accuracy_m)]);
    await operate(this.app, "track", { points: rows }, { title: say("op_track", { n: rows.length }), at: new Date(start), also: [{ table: "kept", id: "track", secret: { points: [] } }] });
  }
}

function metres(one, other) {
  const x = (one.lon - other.lon) * Math.cos((one.lat * Math.PI) / 180);
  return Math.hypot(x, one.lat - other.lat) * 111_320;
}
