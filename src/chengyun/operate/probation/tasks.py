# SPDX-License-Identifier: Apache-2.0
"""What the jobs process does for filed rules: back-tests in a process of their own, and the budgets every ten minutes."""

from __future__ import annotations

import logging
import subprocess
import sys

from django.utils import timezone
from procrastinate.contrib.django import app

from chengyun.operate.probation.models import BackTest
from chengyun.operate.probation.watching import demote_what_is_over

LONGEST_S = 3600.0

log = logging.getLogger("chengyun.operate")


@app.task(name="probation.test", queueing_lock="probation.test", lock="probation.test")
def back_test() -> None:
    """Do the back-tests that wait, one after the other. One cut off by the end of this process is done again."""
    unfinished = (BackTest.State.WAITING, BackTest.State.RUNNING)
    while (test := BackTest.objects.filter(state__in=unfinished).order_by("id").first()) is not None:
        # A year of rows is much for a process that lives on: another one reads them, and ends.
        command = [sys.executable, "-m", "chengyun.cli", "alert-rules", "run-test", str(test.pk)]
        try:
            done = subprocess.run(command, timeout=LONGEST_S, capture_output=True, text=True, check=False)
            fault = (done.stderr.strip().splitlines() or ["it ended without a word"])[-1] if done.returncode else ""
        except subprocess.TimeoutExpired:
            fault = f"it took longer than {LONGEST_S:.0f} seconds"
        test.refresh_from_db()
        if test.state in unfinished:
            log.warning("the back-test %d failed: %s", test.pk, fault)
            test.state, test.error, test.finished_at = BackTest.State.FAILED, fault[:500], timezone.now()
            test.save()


@app.periodic(cron="*/10 * * * *")
@app.task(name="probation.budgets", queueing_lock="probation.budgets", lock="probation.budgets")
def budgets(timestamp: int) -> None:  # noqa: ARG001  # procrastinate gives periodic tasks their time
    """Demote live rules that are over their budget; do back-tests that nobody has begun."""
    demote_what_is_over(timezone.now())
    if BackTest.objects.filter(state=BackTest.State.WAITING).exists():
        back_test()
