// SPDX-License-Identifier: Apache-2.0
// What every page has: partial refreshes, the look, the clock, ages that stay true, menus that close.
import htmx from "htmx.org";

import { startAges } from "./ages.js";
import { startClock } from "./clock.js";
import { startDeeds } from "./deeds.js";
import { startMenus } from "./menus.js";
import { startLeave } from "./offline/leave.js";
import { startTheme } from "./theme.js";

// The content security policy allows neither eval nor style elements; htmx needs neither here.
htmx.config.allowEval = false;
htmx.config.includeIndicatorStyles = false;
htmx.config.selfRequestsOnly = true;
window.htmx = htmx;

startTheme();
startClock();
startAges();
startMenus();
startDeeds();
startLeave();
