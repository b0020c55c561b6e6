// SPDX-License-Identifier: Apache-2.0
// `[data-clock]` shows the city's time, whatever the time zone of the machine it hangs on.

export function startClock() {
  const node = document.querySelector("[data-clock]");
  if (!node) return;
  const format = new Intl.DateTimeFormat(document.documentElement.lang, {
    timeZone: node.dataset.clock,
    year: "numeric", month: "short", day: "numeric", weekday: "short",
    hour: "2-digit", minute: "2-digit", hourCycle: "h23",
  });
  const update = () => {
    const now = new Date();
    node.textContent = format.format(now);
    node.dateTime = now.toISOString();
    setTimeout(update, 60_000 - (now.getTime() % 60_000) + 50);
  };
  update();
}
