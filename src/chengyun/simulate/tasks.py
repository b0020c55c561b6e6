# SPDX-License-Identifier: Apache-2.0
"""The made-up city lives on by the clock."""

from __future__ import annotations

import datetime as dt
import functools
import logging
import subprocess
import sys
from typing import Any

from django.conf import settings
from procrastinate.contrib.django import app

from chengyun.config import config
from chengyun.simulate.loop import advance
from chengyun.simulate.settings import Settings, due, settings_file

HISTORY_DAYS = 2.0
"""How far back a new demonstration begins; `chengyun simulate --days` makes more, before the first start of the jobs."""
LONGEST_S = 1800

log = logging.getLogger(__name__)


@app.periodic(cron="* * * * * */20")
@app.task(queueing_lock="simulate.advance", lock="simulate.advance", pass_context=False)
def advance_due(timestamp: int) -> None:  # noqa: ARG001  procrastinate passes when it was due
    """Let residents report and staff work, as far as their time has come."""
    if not config().demo_people:
        return
    made = Settings.load(settings_file(config()))
    given = _of_world(made.seed, made.people, made.begins) if made is not None else {}
    done = advance(config(), settings.CITY, dt.datetime.now(dt.UTC), HISTORY_DAYS, **given)
    if done.reports or done.deeds:
        log.info("%d simulated reports, %d deeds", done.reports, done.deeds)


@app.periodic(cron="* * * * * 40")
@app.task(queueing_lock="simulate.observe", lock="simulate.observe", pass_context=False)
def observe_due(timestamp: int) -> None:  # noqa: ARG001  procrastinate passes when it was due
    """Let the sensors of a city that was made tell the hours that have passed: in a process that gives its memory back."""
    if not config().demo or not due(config(), dt.datetime.now(dt.UTC)):
        return
    command = [sys.executable, "-m", "chengyun.cli", "simulate", "go-on"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_S, check=False)
    said = (ended.stdout if ended.returncode == 0 else ended.stderr).strip()
    log.log(logging.INFO if ended.returncode == 0 else logging.WARNING, "simulated city: %s", said[-300:])


@functools.lru_cache(maxsize=1)
def _of_world(seed: int, people: int, begins: dt.datetime) -> dict[str, Any]:
    """Return where things go wrong in a city that was made, and how many times as much as the habits tell."""
    from chengyun.simulate.world.whole import World  # only where a city was made

    world = World(config(), settings.CITY, Settings(seed=seed, people=people, sensors=1, begins=begins))
    return {"seed": seed, "areas": world.places, "scale": world.scale}
