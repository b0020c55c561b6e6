# SPDX-License-Identifier: Apache-2.0
"""Judging an expectation, and judging it again from the very same figures. Runs in a process of its own: it loads scipy."""

from __future__ import annotations

import datetime as dt
import json
import logging
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from chengyun.access.actors import SYSTEM, Actor, actor_of_account
from chengyun.errors import NotFound, Problem
from chengyun.govern.decisions.models import Evaluation, Expectation

__all__ = ["Again", "evaluate", "evaluate_again", "judged"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Again:
    """A judgement computed anew. equal: the same rows, the same judgement to the last bit. why: what differs, "" when equal."""

    equal: bool
    why: str


def evaluate(pk: int, now: dt.datetime) -> Evaluation:
    """Judge what was asked for and keep the result, or the reason why there is none. Done already, it stays as it is."""
    asked = _asked(pk)
    if asked.state != Evaluation.State.ASKED:
        return asked
    from chengyun.govern.decisions.effects.judging import EDITION
    from chengyun.govern.decisions.reading import as_of, newest_figure

    figure = newest_figure(asked.expectation.indicator)
    until = _until(asked.expectation, asked.asked_at.date())
    try:
        read, result = _judged(asked, figure, until)
        asked.as_of, asked.result, asked.edition = as_of(read, figure, until), result, EDITION
        asked.state = Evaluation.State.DONE
    except Problem as wrong:
        asked.state, asked.reason = Evaluation.State.FAILED, wrong.sentence
    except Exception as wrong:
        log.exception("evaluation %d broke", pk)
        asked.state, asked.reason = Evaluation.State.FAILED, f"{type(wrong).__name__}: {wrong}"[:500]
    asked.done_at = now
    with transaction.atomic():
        asked.save(update_fields=["state", "as_of", "result", "edition", "reason", "done_at"])
    return asked


def evaluate_again(pk: int) -> Again:
    """Judge once more from the figures that were known then, and compare."""
    held = _asked(pk)
    if held.state != Evaluation.State.DONE:
        return Again(False, "there is no judgement to repeat")
    from chengyun.govern.decisions.effects.judging import EDITION

    read, result = _judged(held, int(held.as_of["figure"]), dt.date.fromisoformat(held.as_of["until"]))
    if read.digest != held.as_of["digest"]:
        then = held.as_of["rows"]
        return Again(False, f"{read.rows} figures were read, {then} then: what is kept, or what may be read, has changed")
    if held.edition != EDITION:
        return Again(False, f"it was judged by edition {held.edition} of the method; today's is {EDITION}")
    return Again(result == held.result, "" if result == held.result else "the same figures give another judgement")


def _asked(pk: int) -> Evaluation:
    found = Evaluation.objects.select_related("expectation__decision", "asked_by").filter(pk=pk).first()
    if found is None:
        raise NotFound(f"There is no evaluation {pk}.")
    return found


def judged(
    expected: Expectation, starts_on: dt.date, until: dt.date, figure: int, actor: Actor, seed: int
) -> tuple[Any, dict[str, Any]]:  # fmt: skip
    """Return what an expectation is judged on and the judgement, as the database keeps it. until: last day that counts; figure:
    newest id that counts. Raises Refused where more would have to be read than fits."""
    from chengyun.govern.decisions.effects.judging import judge
    from chengyun.govern.decisions.reading import read_panel

    read = read_panel(expected, starts_on, until, figure, actor)
    rise = expected.direction == Expectation.Direction.RISE
    method: Any = expected.method
    found = judge(read.panel, method, rise, expected.size, seed)
    # Once through JSON, as the database keeps it: what is compared later is compared alike.
    plain: dict[str, Any] = json.loads(json.dumps(found.plain()))
    return read, plain


def _judged(asked: Evaluation, figure: int, until: dt.date) -> tuple[Any, dict[str, Any]]:
    expected = asked.expectation
    starts_on = expected.decision.starts_on
    if starts_on is None:
        raise ValueError("a decision that was taken has a first day")
    return judged(expected, starts_on, until, figure, _asker(asked), asked.seed)


def _asker(asked: Evaluation) -> Actor:
    return actor_of_account(asked.asked_by) if asked.asked_by else SYSTEM


def _until(expected: Expectation, asked_on: dt.date) -> dt.date:
    """Return the last day that counts: the one named, or the day before the asking, whichever comes first."""
    return min(expected.by, asked_on - dt.timedelta(days=1))
