# SPDX-License-Identifier: Apache-2.0
"""Dead letters as people read them: newest first, page by page, as far as the reader's scope reaches; and times of overload."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count

from chengyun.access.actors import Actor
from chengyun.access.policy import require_scope
from chengyun.city.words import URGENCIES
from chengyun.collect.models import DeadLetter, Shedding
from chengyun.errors import NotFound

__all__ = ["PAGE", "DeadLetters", "access_dead_letter", "dead_letters", "shedding", "waiting_by_stream"]

PAGE = 50


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """One page. total: of all pages."""

    letters: list[DeadLetter]
    total: int
    page: int
    pages: int


def dead_letters(
    actor: Actor, *, state: str | None = "waiting", stream: str | None = None, code: str | None = None, page: int = 1
) -> DeadLetters:
    """Return a page of dead letters; a filter that is None takes all. Raises NotFound for who may not read them."""
    found = DeadLetter.objects.filter(require_scope(actor, "dead_letters").q())
    for name, value in (("state", state), ("stream", stream), ("code", code)):
        if value:
            found = found.filter(**{name: value})
    total = found.count()
    pages = max(1, -(-total // PAGE))
    page = min(max(1, page), pages)
    return DeadLetters(list(found[(page - 1) * PAGE : page * PAGE]), total, page, pages)


def access_dead_letter(actor: Actor, letter_id: int, *, lock: bool = False) -> DeadLetter:
    """Return one dead letter. Raises NotFound when there is none, or none for this reader.

    lock: hold its row until the transaction ends.
    """
    found = DeadLetter.objects.filter(require_scope(actor, "dead_letters").q(), pk=letter_id)
    letter = (found.select_for_update() if lock else found).first()
    if letter is None:
        raise NotFound(f"There is no dead letter {letter_id}.", dataset="dead_letters")
    return letter


def waiting_by_stream(actor: Actor) -> dict[str, int]:
    """Return how many dead letters wait, by stream."""
    found = DeadLetter.objects.filter(require_scope(actor, "dead_letters").q(), state=DeadLetter.State.WAITING)
    return {row["stream"]: row["count"] for row in found.values("stream").annotate(count=Count("pk")).order_by("stream")}


def shedding(*, ended: int = 0) -> list[Shedding]:
    """Return the classes of observations being turned away, most urgent first, then the newest episodes that ended.

    Whoever may see a page may know that it is behind: it is said of classes, never of what was sent.
    """
    going_on = sorted(Shedding.objects.filter(until=None), key=lambda it: URGENCIES.index(it.urgency))
    return [*going_on, *(Shedding.objects.exclude(until=None)[:ended] if ended else ())]
