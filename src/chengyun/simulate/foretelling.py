# SPDX-License-Identifier: Apache-2.0
"""The forecasts a made-up past would have had, made moment by moment with what was known then, so that they can be scored.

At every moment what has come is scored first, a review is made where the newest is a week old, then the forecast. Nothing of
after a moment is read: a past's rows come in order, and none late.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from chengyun.city import City
from chengyun.errors import Refused
from chengyun.operate.forecasts import services
from chengyun.operate.forecasts.models import Issue, Review

__all__ = ["foretell"]


def foretell(
    city: City, since: dt.datetime, until: dt.datetime, every: dt.timedelta, said: Callable[[str], None] = lambda _sentence: None
) -> dict[str, int]:
    """Make the forecasts of a past every so often; return forecast → how many were made, over all subjects.

    Methods that look at one series alone are not tried: of a month they would take hours.
    Raises Refused where forecasts were made already: what they learnt would be of later.
    """
    if Issue.objects.exists() or Review.objects.exists():
        raise Refused("Forecasts were made here already; those of a past come before the first `chengyun up`.", code="forecasts")
    made = dict.fromkeys(sorted(city.forecasts), 0)
    reviewed: dict[str, dt.datetime] = {}
    moment = since + every
    while moment < until:
        for key in made:
            services.score(key, moment)
            if moment - reviewed.get(key, dt.datetime.min.replace(tzinfo=dt.UTC)) >= services.REVIEWED_FOR:
                if not services.review(key, moment, until=moment, singles=False).made:
                    continue  # too little past yet
                reviewed[key] = moment
            made[key] += services.issue(key, moment, until=moment).made
        said(f"{moment:%Y-%m-%d %H:%M} UTC, {sum(made.values()):,} forecasts")
        moment += every
    for key in made:
        services.score(key, until)
    return made
