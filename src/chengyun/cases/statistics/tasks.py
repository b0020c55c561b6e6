# SPDX-License-Identifier: Apache-2.0
"""What the jobs process does for the counts: it folds what has come."""

from __future__ import annotations

from procrastinate.contrib.django import app

from chengyun.cases.statistics.folding import fold_all

WITHIN_S = 20.0
"""After a replay there is much to fold; other jobs have their turn between."""


@app.periodic(cron="* * * * * */5")  # the sixth field is the second
@app.task(name="statistics.fold", queueing_lock="statistics.fold", lock="statistics.fold")
def fold_notes(timestamp: int) -> None:  # noqa: ARG001  # procrastinate gives periodic tasks their time
    """Fold the notes of the last seconds."""
    fold_all(within_s=WITHIN_S)
