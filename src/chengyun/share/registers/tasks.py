# SPDX-License-Identifier: Apache-2.0
"""What base registers do by the clock: invented things while there are no others, and rows that turn with the day."""

from __future__ import annotations

import datetime as dt
import logging
import subprocess
import sys
from importlib.util import find_spec

from django.conf import settings
from django.db.models import Max
from django.utils import timezone
from procrastinate.contrib.django import app

from chengyun.access.actors import SYSTEM, actor_of_account
from chengyun.access.models import Account
from chengyun.config import config
from chengyun.share.registers import demo, seasons, services
from chengyun.share.registers.declared import base_registers
from chengyun.share.registers.models import MatchRun
from chengyun.share.registers.review import came_to_nothing

LOOK_BACK = dt.timedelta(days=40)
"""Days that a computer may have been off; a row that is up to date stays as it is."""

LONGEST_S = 3_600

log = logging.getLogger(__name__)


@app.periodic(cron="* * * * * */20")
@app.task(queueing_lock="registers.fill", lock="registers.fill", pass_context=False)
def fill_due(timestamp: int) -> None:  # noqa: ARG001  procrastinate passes when it was due
    """Fill registers that have been told nothing."""
    if made := demo.fill(config(), settings.CITY):
        log.info("%d simulated statements", made)


@app.task(pass_context=False)
def compare_records(dataset: str, left: str, right: str, account: int) -> None:
    """Compare what two authorities state, in a process of its own: what it loads is large, and gone afterwards."""
    runs = MatchRun.objects.filter(dataset=dataset, left=left, right=right)
    before = runs.aggregate(newest=Max("pk", default=0))["newest"]
    words = ["registers", "match", dataset, "--left", left, "--right", right, "--account", str(account)]
    ended = subprocess.run([sys.executable, "-m", "chengyun.cli", *words], capture_output=True, text=True, check=False)
    said = (ended.stdout if ended.returncode == 0 else ended.stderr).strip()
    log.log(logging.INFO if ended.returncode == 0 else logging.ERROR, "%s: %s", dataset, said[-500:])
    if ended.returncode and not runs.filter(pk__gt=before).exists():
        # It was killed, or failed before it could write down why.
        asker = Account.objects.filter(pk=account).first()
        came_to_nothing(actor_of_account(asker) if asker else SYSTEM, dataset, left, right, "")


@app.periodic(cron="41 * * * *")
@app.task(queueing_lock="registers.seasons", lock="registers.seasons", pass_context=False)
def make_seasons(timestamp: int) -> None:  # noqa: ARG001  procrastinate passes when it was due
    """Have the seasons of series taken out, where figures have changed, in a process of its own."""
    if next(seasons.due(settings.CITY), None) is None or find_spec("statsmodels") is None:
        return
    words = [sys.executable, "-m", "chengyun.cli", "registers", "seasons"]
    try:
        ended = subprocess.run(words, capture_output=True, text=True, timeout=LONGEST_S, check=False)
    except subprocess.TimeoutExpired:
        log.error("seasons took more than %d s and were ended", LONGEST_S)
        return
    said = (ended.stdout if ended.returncode == 0 else ended.stderr).strip()
    log.log(logging.INFO if ended.returncode == 0 else logging.ERROR, "seasons: %s", said[-500:])


@app.periodic(cron="7 0 * * *")
@app.task(queueing_lock="registers.turn_of_day", lock="registers.turn_of_day", pass_context=False)
def turn_of_day_due(timestamp: int) -> None:  # noqa: ARG001  procrastinate passes when it was due
    """Bring up to date what begins or ends with the day."""
    today = timezone.localdate()
    for dataset in base_registers():
        if changed := services.turn_of_day(dataset, today, today - LOOK_BACK):
            log.info("%s: %d rows turned with the day", dataset, changed)
