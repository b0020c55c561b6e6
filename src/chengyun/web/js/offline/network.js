// SPDX-License-Identifier: Apache-2.0
// Asking the server from a place where it may not be heard. Four ends: an answer, a refusal, "not now", "sign in".

export class NotNow extends Error {
  /** wait_s: what the server asked for, if it did. */
  constructor(reason, wait_s = 0) {
    super(reason);
    this.wait_s = wait_s;
  }
}

export class SignIn extends Error {}

export class RefusedByServer extends Error {
  constructor(status, told) {
    super(told.message ?? `${status}`);
    Object.assign(this, { status, told, code: told.code ?? "" });
  }
}

/** Fetch; return the answer when it is one. Raises NotNow, SignIn or RefusedByServer. */
export async function ask(address, { within_s = 20, ...options } = {}) {
  let answer;
  try {
    answer = await fetch(address, { redirect: "manual", cache: "no-store", signal: AbortSignal.timeout(within_s * 1000), ...options });
  } catch (wrong) {
    throw new NotNow(wrong.message);
  }
  if (answer.type === "opaqueredirect" || answer.status === 401) throw new SignIn();
  if (answer.status === 429 || answer.status >= 500) throw new NotNow(`${answer.status}`, Number(answer.headers.get("Retry-After")) || 0);
  if (!answer.ok) throw new RefusedByServer(answer.status, await answer.json().catch(() => ({})));
  return answer;
}

export const LONGEST_WAIT_S = 600;

/** Return when to try again after so many tries in vain, in seconds: doubled each time, spread so that not all come at once. */
export function waitAfter(tries, asked_s = 0) {
  return Math.max(asked_s, Math.min(LONGEST_WAIT_S, 4 * 2 ** Math.min(tries, 10)) * (0.75 + Math.random() / 2));
}
