// SPDX-License-Identifier: Apache-2.0
// Filling in forms, with or without a network.
import { settings, startApp } from "./offline/app.js";
import { oneByOne } from "./offline/outbox.js";
import { showForm } from "./forms/screen.js";
import { showHome, showOutbox } from "./forms/lists.js";
import { sendForm, takeAlong } from "./forms/traffic.js";

/** The address may name a form, and whom it is about: /forms/fill/<key>?subject=<key in a register>. */
const named = decodeURIComponent(location.pathname.slice(settings.home.length));
const subject = new URLSearchParams(location.search).get("subject");
if (named && !location.hash) history.replaceState(null, "", `${settings.home}#/new/${encodeURIComponent(named)}${subject ? `/${encodeURIComponent(subject)}` : ""}`);

await startApp({
  key: "fill",
  title: "title",
  setup: `${settings.home}setup.json`,
  taken: takeAlong,
  round: (outbox, app) => oneByOne(outbox, (item) => sendForm(item, app)),
  told: (app) => location.hash === "#/outbox" && app.setup && showOutbox(app),
  show(app, screen, rest) {
    if (screen === "new" || screen === "task" || screen === "draft") return showForm(app, screen, rest);
    return screen === "outbox" ? showOutbox(app) : showHome(app);
  },
});
