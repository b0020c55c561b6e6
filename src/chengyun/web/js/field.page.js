// SPDX-License-Identifier: Apache-2.0
// The field application: what a grid worker or a crew has to do, done with or without a network.
import { settings, startApp } from "./offline/app.js";
import { ask } from "./offline/network.js";
import { say } from "./offline/words.js";
import { Duty } from "./field/duty.js";
import { enrol, identify, round } from "./field/sync.js";
import { showCase, showEdit, showNote, showStep } from "./field/case.js";
import { showMap } from "./field/chart.js";
import { showReport } from "./field/report.js";
import { showStanding } from "./field/standing.js";
import { showCases, showTask, showToday } from "./field/today.js";
import { decisionsOpen } from "./field/work.js";
import { tabs } from "./field/tabs.js";

const SCREENS = {
  "": showToday, cases: showCases, case: showCase, step: showStep, note: showNote, edit: showEdit, report: showReport, task: showTask, map: showMap, outbox: showStanding,
};
const LIVE = new Set(["", "cases", "case", "outbox", "task"]); // screens that are drawn anew when news has come

await startApp({
  key: "field",
  title: "title",
  setup: `${settings.home}setup.json`,
  identify,
  async taken(setup, app) {
    if (!(await app.store.kept("device"))) await enrol(app, setup);
  },
  async opened(app) {
    app.duty = new Duty(app);
    app.asked = (await decisionsOpen(app)).length;
    await app.duty.resume();
  },
  round: async (outbox, app) => {
    await round(outbox, app);
    app.asked = (await decisionsOpen(app)).length;
  },
  moved(app) {
    const line = document.querySelector(".recording");
    if (line) line.textContent = say("recording", { n: app.duty.recorded });
  },
  decisions: (app) => app.asked ?? 0,
  left: (app) => app.duty?.on && app.duty.stop(),
  mark: async (app) => (await app.store?.kept("device"))?.device,
  async ended(device, csrf) {
    // The device's own key would outlive the session.
    if (device !== "1") await ask(`/field/devices/${device}/revoke`, { method: "POST", headers: { "X-CSRFToken": csrf } }).catch(() => null);
  },
  told(app) {
    tabs(app);
    const screen = location.hash.split("/")[1] ?? "";
    if (!app.fresh || app.standing.sending || app.busy || !LIVE.has(screen)) return;
    app.fresh = false;
    app.show();
  },
  show(app, screen, rest) {
    tabs(app);
    return (SCREENS[screen] ?? showToday)(app, rest);
  },
});
