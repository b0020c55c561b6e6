// SPDX-License-Identifier: Apache-2.0
// What is finished waits here until the server has taken it. Nothing leaves the outbox before the answer; what is sent twice
// bears the same id, and the server counts it once.
import { NotNow, SignIn, waitAfter } from "./network.js";

export const WAITING = "waiting";
export const DECIDE = "decide";

/**
 * round(outbox) sends what waits; it may throw NotNow or SignIn. After every step `changed` hears how it stands:
 * {sending, signIn, next, reached}: next is when it tries again, in ms, or null; reached whether the server was, null at first.
 */
export class Outbox {
  constructor(store, round, changed) {
    Object.assign(this, { store, round, changed, next: null, timer: 0, tries: 0, standing: { sending: false, signIn: false, next: null, reached: null } });
    addEventListener("online", () => this.run(true));
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.run());
  }

  /** Send what waits, oldest first. now: even if it is not yet time to try again. One window of this browser sends at a time. */
  run(now = false) {
    if (!now && this.standing.next && this.standing.next > Date.now() + 500) return Promise.resolve();
    // What is written while a round is under way may have been overlooked by it: one more round follows.
    this.next ??= navigator.locks.request(`chengyun-outbox-${this.store.app}-${this.store.account}`, () => {
      this.next = null;
      return this.#round();
    });
    return this.next;
  }

  async #round() {
    clearTimeout(this.timer);
    this.#tell({ sending: true, next: null });
    try {
      await this.round(this);
      this.advanced();
      this.#tell({ sending: false, next: null });
    } catch (wrong) {
      if (wrong instanceof SignIn) {
        this.#tell({ sending: false, signIn: true, next: null });
      } else if (wrong instanceof NotNow) {
        const wait_s = waitAfter(this.tries++, wrong.wait_s);
        this.timer = setTimeout(() => this.run(true), wait_s * 1000);
        this.#tell({ sending: false, next: Date.now() + wait_s * 1000, reached: false });
      } else {
        this.#tell({ sending: false, next: null });
        throw wrong;
      }
    }
  }

  /** Something got through: the next wait begins short again. */
  advanced() {
    this.tries = 0;
    this.#tell({ signIn: false, reached: true });
  }

  /** Return the oldest that waits, null when none does. */
  async first() {
    return (await this.store.list("outbox")).find((item) => item.state === WAITING) ?? null;
  }

  /** Change what stands in the open about an item. */
  async mark(item, change) {
    const { secret, ...plain } = { ...item, ...change };
    await this.store.write({ table: "outbox", id: item.id, plain, secret });
  }

  /** Let something that was refused be sent again. */
  async again(item) {
    await this.mark(item, { state: WAITING, said: "" });
    await this.run(true);
  }

  #tell(change) {
    Object.assign(this.standing, change);
    this.changed(this.standing);
  }
}

/** Send one item after another. send(item) → {state: "sent", also: changes} or {state: "decide", said}. */
export async function oneByOne(outbox, send) {
  for (let item = await outbox.first(); item; item = await outbox.first()) {
    const outcome = await send(item);
    if (outcome.state === "sent") await outbox.store.write({ table: "outbox", id: item.id, gone: true }, { table: "blobs", id: item.id, gone: true }, ...(outcome.also ?? []));
    else await outbox.mark(item, { state: DECIDE, said: outcome.said, saidAt: Date.now() });
    outbox.advanced();
  }
}
