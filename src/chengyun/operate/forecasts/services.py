# SPDX-License-Identifier: Apache-2.0
"""Forecasts are reviewed, made, and scored when the truth has come: the only writers of what models.py keeps.

Reviewing takes long and is done seldom; making one costs a second. Both run in a process that ends (see tasks.py).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from django.conf import settings
from django.db import transaction

from chengyun.city import City, Forecast
from chengyun.config import config
from chengyun.errors import NotFound, nearest
from chengyun.operate.forecasts import backtest, methods
from chengyun.operate.forecasts.models import Issue, Review
from chengyun.operate.forecasts.reading import Course, about, has_data, read, step_begin
from chengyun.operate.forecasts.scoring import tally

__all__ = ["REVIEWED_FOR", "Done", "due", "issue", "review", "score"]

REVIEWED_FOR = dt.timedelta(days=7)
WAIT = dt.timedelta(days=7)
"""After its last step an issue waits so long for truth that comes late; then what is unknown stays unknown."""
WIDTH_FROM = 200
"""Scored steps of a subject that say whether its intervals were wide enough."""
WIDEST = 4.0


@dataclass(frozen=True, slots=True)
class Done:
    """What a call did, in subjects."""

    made: int
    useful: int


def declared_as(key: str) -> Forecast:
    """Return a forecast's declaration. Raises NotFound."""
    city: City = settings.CITY
    if key not in city.forecasts:
        raise NotFound(f"There is no forecast {key!r}.{nearest(key, city.forecasts)}")
    return city.forecasts[key]


def due(now: dt.datetime) -> list[str]:
    """Return the forecasts whose next issue is due: the newest is older than they are made, or the first data has come."""
    city: City = settings.CITY
    zone = config().zone
    waiting = []
    for key, declared in city.forecasts.items():
        newest = Issue.objects.filter(forecast=key).order_by("-since").values_list("since", flat=True).first()
        # Without data there is none to make, which a process that forecasts would find out after seconds of loading.
        if has_data(key) if newest is None else step_begin(declared, now, zone) - newest >= declared.every:
            waiting.append(key)
    return waiting


def review(key: str, now: dt.datetime, *, until: dt.datetime | None = None, singles: bool = True) -> Done:
    """Try every method on the past of every subject and write down which is used.

    until: where the past ends; None: with the newest step that is over. singles: whether the methods that look at one series are
    tried, which take by far the longest.
    """
    declared = declared_as(key)
    course = _past(key, declared, until or now)
    if not course.subjects:
        return Done(0, 0)
    found = backtest.review(course.values, declared.horizon, declared.seasons, singles=singles)
    kept = [
        Review(
            forecast=key, subject=subject, made_at=now, until=course.until, method=one.method, table=one.table,
            origins=one.origins, skill=one.skill, useful=one.useful, because=one.because,
            low=one.bands[0.9][0].tolist(), high=one.bands[0.9][1].tolist(),
            low_half=one.bands[0.5][0].tolist(), high_half=one.bands[0.5][1].tolist(),
        )
        for subject, one in zip(course.subjects, found, strict=True) if one is not None
    ]  # fmt: skip
    Review.objects.bulk_create(kept)
    return Done(len(kept), sum(one.useful for one in kept))


def issue(key: str, now: dt.datetime, *, until: dt.datetime | None = None) -> Done:
    """Make and keep the forecast of every subject that was reviewed. A second call for the same steps changes nothing."""
    declared = declared_as(key)
    course = _past(key, declared, until or now)
    reviews = _newest_reviews(key, course.subjects)
    chosen = [reviews[subject].method if subject in reviews else None for subject in course.subjects]
    if not any(chosen):
        return Done(0, 0)
    told = backtest.ahead(course.values, declared.horizon, declared.seasons, chosen)
    areas = about(key, course.subjects)
    kept = []
    for number, subject in enumerate(course.subjects):
        one, values = reviews.get(subject), told[number]
        if (
            one is None
            or values is None
            or np.isnan(values).any()
            or np.isnan(course.values[-declared.seasons[0] :, number]).all()
        ):
            continue
        kept.append(_made(key, declared, one, course, number, values, areas.get(subject, ""), now))
    Issue.objects.bulk_create(kept, ignore_conflicts=True)
    return Done(len(kept), sum(one.review.useful for one in kept))


def score(key: str, now: dt.datetime) -> int:
    """Put the truth that has come beside what was said, and score it. Returns how many issues it changed."""
    declared = declared_as(key)
    waiting = list(Issue.objects.filter(forecast=key, settled=False, since__lt=now).order_by("since", "subject"))
    if not waiting:
        return 0
    ends = [one.since + len(one.values) * declared.step for one in waiting]
    until = min(max(ends), step_begin(declared, now, config().zone))
    since = waiting[0].since
    if until <= since:
        return 0
    course = read(key, since, until)
    place = {subject: number for number, subject in enumerate(course.subjects)}
    changed = []
    for one, end in zip(waiting, ends, strict=True):
        first = (one.since - since) // declared.step
        actual = np.full(len(one.values), np.nan)
        if one.subject in place:
            seen = course.values[first : first + len(one.values), place[one.subject]]
            actual[: len(seen)] = seen
        known = [None if np.isnan(value) else float(value) for value in actual]
        settled = now >= end + WAIT or (now >= end and None not in known)
        if known != one.actual or settled:
            one.actual, one.settled, one.score = known, settled, _tallied(one, actual)
            changed.append(one)
    Issue.objects.bulk_update(changed, ["actual", "settled", "score"], batch_size=200)
    return len(changed)


@transaction.atomic
def forget(before: dt.datetime) -> int:
    """Delete settled issues from before a moment, and reviews none of them names any more but the newest of each subject."""
    gone, _ = Issue.objects.filter(settled=True, since__lt=before).delete()
    newest = Review.objects.order_by("forecast", "subject", "-made_at").distinct("forecast", "subject").values("pk")
    Review.objects.filter(made_at__lt=before, issues=None).exclude(pk__in=newest).delete()
    return gone


def _past(key: str, declared: Forecast, until: dt.datetime) -> Course:
    end = step_begin(declared, until, config().zone)
    steps = declared.history // declared.step
    course = read(key, end - steps * declared.step, end)
    rows = np.flatnonzero(~np.isnan(course.values).all(axis=1)) if len(course.subjects) else np.empty(0, np.intp)
    if not len(rows):
        return Course((), course.since, course.step, course.values[:, :0], course.as_of)
    # A source that is behind is forecast from where it stands, as long as that is not further than the horizon.
    behind = len(course.values) - 1 - int(rows[-1])
    first, last = int(rows[0]), len(course.values) - (behind if behind < declared.horizon else 0)
    return Course(course.subjects, course.since + first * course.step, course.step, course.values[first:last], course.as_of)


def _newest_reviews(key: str, subjects: Sequence[str]) -> dict[str, Review]:
    newest = Review.objects.filter(forecast=key, subject__in=subjects).order_by("subject", "-made_at").distinct("subject")
    return {one.subject: one for one in newest}


def _made(
    key: str, declared: Forecast, review: Review, course: Course, number: int, values: np.ndarray, area: str, now: dt.datetime
) -> Issue:
    subject = course.subjects[number]
    widened, widened_half = _widened(key, subject)
    seasons = [season for season in declared.seasons if season <= len(course.values)] or [declared.seasons[0]]
    naive = methods.season_before(course.values[:, number], declared.horizon, seasons[0])
    lowest = -np.inf if declared.lowest is None else declared.lowest
    low, high = _spread(values, review.low, review.high, widened)
    low_half, high_half = _spread(values, review.low_half, review.high_half, widened_half)
    # Each level is held to its own past; what five in ten hold lies in what nine in ten do.
    made = {"low": low, "high": high, "low_half": np.clip(low_half, low, high), "high_half": np.clip(high_half, low, high)}
    bands = {name: np.maximum(one, lowest).tolist() for name, one in made.items()}
    return Issue(
        forecast=key, subject=subject, area_code=area, review=review, since=course.until, made_at=now, as_of=dict(course.as_of),
        step_s=int(declared.step.total_seconds()), widened=widened,
        widened_half=widened_half, values=np.maximum(values, lowest).tolist(),
        naive=[None if np.isnan(one) else float(one) for one in naive], actual=[None] * declared.horizon, **bands,
    )  # fmt: skip


def _spread(values: np.ndarray, low: Sequence[float], high: Sequence[float], widened: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the interval of a review about a forecast, so many times as wide about its own middle."""
    middle, side = _middle(low, high)
    return values + middle - side * widened, values + middle + side * widened


def _middle(low: Sequence[float], high: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """Return how far the middle of a review's interval lies from the forecast, and half its width, by step."""
    return (np.asarray(high) + np.asarray(low)) / 2, (np.asarray(high) - np.asarray(low)) / 2


def _widened(key: str, subject: str) -> tuple[float, float]:
    """Return what makes the intervals of nine and of five in ten true of the newest scored steps, each by itself.

    How far the truth lay from the middle of the interval its review gave, in half widths of it: conformal prediction with a
    normalised score.
    """
    nine, five = list[np.ndarray](), list[np.ndarray]()
    scored = Issue.objects.filter(forecast=key, subject=subject).exclude(score={}).select_related("review").order_by("-since")
    for one in scored[:50]:
        actual = np.array([np.nan if it is None else it for it in one.actual])
        for found, low, high in ((nine, one.review.low, one.review.high), (five, one.review.low_half, one.review.high_half)):
            middle, side = _middle(low, high)
            usable = ~np.isnan(actual) & (side > 0)
            found.append(np.abs(actual - np.asarray(one.values) - middle)[usable] / side[usable])
        if sum(map(len, nine)) >= WIDTH_FROM:
            break
    return _quantile(nine, 0.9), _quantile(five, 0.5)


def _quantile(shares: Sequence[np.ndarray], level: float) -> float:
    known = np.concatenate([*shares, np.empty(0)])
    if len(known) < WIDTH_FROM // 4:
        return 1.0
    return float(np.clip(np.quantile(known, level, method="higher"), 1.0 / WIDEST, WIDEST))


def _tallied(one: Issue, actual: np.ndarray) -> dict[str, float]:
    naive = np.array([np.nan if value is None else value for value in one.naive])
    parts = (np.asarray(part) for part in (one.low, one.high, one.low_half, one.high_half))
    found = tally(actual, np.asarray(one.values), naive, *parts)
    return found.as_json() if found.count else {}
