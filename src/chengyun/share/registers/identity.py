# SPDX-License-Identifier: Apache-2.0
"""What people decide about identities: two keys are one thing, one key was two, one thing went over into others; and taken back.

Nothing is moved or lost by a merge: the statements stay under the keys they were made of, and the old key leads to the new one.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator, Mapping, Sequence

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from chengyun.access import audit
from chengyun.access.actors import Actor
from chengyun.access.policy import require
from chengyun.errors import NotFound, Refused
from chengyun.share.registers.declared import table_of
from chengyun.share.registers.links import refuse_cycle
from chengyun.share.registers.models import Candidate, Decision, Link, Statement
from chengyun.share.registers.rows import bring_up_to_date
from chengyun.share.registers.services import hold

__all__ = ["keep_apart", "merge", "split", "succeed", "undo"]

ACTION = "register.identify"


def merge(actor: Actor, dataset: str, old: Sequence[str], into: str, because: str, now: dt.datetime | None = None) -> Decision:
    """Say that the old keys are the thing `into` is. Raises Refused for a cycle (its path named) or a key merged already."""
    now = now or timezone.now()
    with _deciding(actor, dataset, because):
        keys = list(dict.fromkeys(old))
        if not keys:
            raise Refused(_("请至少写明一个要合并的编码。"), code="no_key")
        _require_known(dataset, [*keys, into])
        for link in Link.objects.filter(dataset=dataset, old_key__in=keys, on=None, known_until=None):
            said = _("%(old)s 已合并到 %(new)s；请先撤销那次合并。") % {"old": link.old_key, "new": link.new_key}
            raise Refused(said, code="merged_already")
        for at, key in enumerate(keys):
            refuse_cycle(dataset, key, [into, *keys[at + 1 :]], same=True)
        decision = _decide(actor, dataset, Decision.Kind.MERGE, [*keys, into], because, {"into": into}, now)
        _link(decision, [(key, into, None) for key in keys], now)
        bring_up_to_date(dataset, [*keys, into], timezone.localdate(now))
    return decision


def split(
    actor: Actor, dataset: str, key: str, parts: Mapping[str, Sequence[int]], because: str, now: dt.datetime | None = None
) -> Decision:  # fmt: skip
    """Say that statements made of one key are of other things: new key → numbers of the statements that are of it.

    The statements are told again under the new key; what was known before stays as it was known.
    """
    now = now or timezone.now()
    with _deciding(actor, dataset, because):
        wanted = [number for numbers in parts.values() for number in numbers]
        found = {
            one.pk: one for one in Statement.objects.filter(dataset=dataset, key=key, known_until=None, pk__in=wanted)
        }  # fmt: skip
        if not wanted:
            raise Refused(_("请至少写明一条属于另一对象的陈述。"), code="no_statement")
        if lacking := sorted(set(wanted) - set(found)):
            words = {"key": key, "numbers": ", ".join(map(str, lacking))}
            raise Refused(_("%(key)s 现在没有这些陈述：%(numbers)s。可用 chengyun registers history 列出。") % words)
        if len(set(wanted)) < len(wanted) or key in parts:
            raise Refused(_("一条陈述只属于一个对象，且须改到另一个编码。"), code="wrong_part")
        taken = Statement.objects.filter(dataset=dataset, key__in=parts).values_list("key", flat=True).first()
        if taken is not None:
            words = {"key": taken, "dataset": dataset}
            raise Refused(_("%(key)s 已是 %(dataset)s 的对象；请用新的编码，或之后再合并。") % words, code="key_taken")
        told = []
        Statement.objects.filter(pk__in=wanted).update(known_until=now)
        for new_key, numbers in parts.items():
            for number in numbers:
                old = found[number]
                again = Statement.objects.create(
                    dataset=dataset, key=new_key, authority=old.authority, values=old.values, valid_from=old.valid_from,
                    valid_to=old.valid_to, received_at=now, load=old.load, line=old.line,
                )  # fmt: skip
                told.append((old.pk, again.pk))
        detail = {"parts": {part: list(numbers) for part, numbers in parts.items()}, "told": told}
        decision = _decide(actor, dataset, Decision.Kind.SPLIT, [key, *parts], because, detail, now)
        bring_up_to_date(dataset, [key, *parts], timezone.localdate(now))
    return decision


def succeed(
    actor: Actor, dataset: str, old: Sequence[str], new: Sequence[str], on: dt.date, because: str, now: dt.datetime | None = None
) -> Decision:  # fmt: skip
    """Say that from a day on the old things go on as the new ones: a firm taken over, a building divided."""
    now = now or timezone.now()
    with _deciding(actor, dataset, because):
        _require_known(dataset, [*old, *new])
        for key in old:
            refuse_cycle(dataset, key, new)
        decision = _decide(actor, dataset, Decision.Kind.SUCCEED, [*old, *new], because, {"on": on.isoformat()}, now)
        _link(decision, [(before, after, on) for before in old for after in new], now)
    return decision


def keep_apart(actor: Actor, dataset: str, keys: Sequence[str], because: str, now: dt.datetime | None = None) -> Decision:
    """Write down that keys which look alike are different things, so that nobody is asked again."""
    now = now or timezone.now()
    with _deciding(actor, dataset, because):
        return _decide(actor, dataset, Decision.Kind.APART, list(keys), because, {}, now)


def undo(actor: Actor, number: int, now: dt.datetime | None = None) -> Decision:
    """Take a decision back. Raises NotFound, and Refused when later facts stand in the way."""
    now = now or timezone.now()
    decision = Decision.objects.filter(pk=number, undone_at=None).first()
    if decision is None:
        raise NotFound(_("没有可撤销的决定 %s。") % number)
    with _deciding(actor, decision.dataset, "undo"):
        decision = Decision.objects.select_for_update().get(pk=number)
        if decision.undone_at is not None:
            raise NotFound(_("没有可撤销的决定 %s。") % number)
        if decision.kind == Decision.Kind.SPLIT:
            _tell_back(decision, now)
        Link.objects.filter(decision=decision, known_until=None).update(known_until=now)
        decision.undone_at, decision.undone_by = now, actor.name[:150]
        decision.save(update_fields=["undone_at", "undone_by"])
        Candidate.objects.filter(decision=decision).update(state=Candidate.State.WAITING, decision=None)
        audit.record(actor, "register.undo", decision.dataset, str(number), detail={"kind": decision.kind})
        _reopen(decision)
        bring_up_to_date(decision.dataset, decision.keys, timezone.localdate(now))
    return decision


def _tell_back(decision: Decision, now: dt.datetime) -> None:
    """Tell the statements of a split again under the key they had."""
    told = dict(decision.detail["told"])
    again = list(Statement.objects.filter(pk__in=told.values(), known_until=None))
    if len(again) < len(told):
        raise Refused(_("决定 %d 之后，拆出的部分已另有陈述；请改为合并编码。") % decision.pk, code="told_since")
    key = decision.keys[0]
    held = list(Statement.objects.filter(dataset=decision.dataset, key=key, known_until=None))
    for one in again:
        for other in held:
            if one.authority == other.authority and _overlap(one, other):
                words = {"number": decision.pk, "authority": other.authority, "key": key}
                raise Refused(
                    _("决定 %(number)d 之后，%(authority)s 又陈述了同一时段的 %(key)s；请改为合并。") % words, code="told_since"
                )
    Statement.objects.filter(pk__in=[one.pk for one in again]).update(known_until=now)
    for one in again:
        Statement.objects.create(
            dataset=one.dataset, key=key, authority=one.authority, values=one.values, valid_from=one.valid_from,
            valid_to=one.valid_to, received_at=now, load=one.load, line=one.line,
        )  # fmt: skip


def _overlap(one: Statement, other: Statement) -> bool:
    """Say whether two statements hold on one day; days without a bound are open."""
    ends, begins = (one.valid_to, other.valid_to), (other.valid_from, one.valid_from)
    return all(end is None or first is None or first < end for end, first in zip(ends, begins, strict=True))


def _reopen(decision: Decision) -> None:
    """Let rows without statements of their own, which a merge had ended, be there again."""
    if decision.kind == Decision.Kind.MERGE:
        day = timezone.localdate(decision.at)
        olds = [key for key in decision.keys if key != decision.detail["into"]]
        stated = set(Statement.objects.filter(dataset=decision.dataset, key__in=olds).values_list("key", flat=True))
        bare = [key for key in olds if key not in stated]
        table_of(decision.dataset)._default_manager.filter(key__in=bare, valid_to=day).update(valid_to=None)


@contextlib.contextmanager
def _deciding(actor: Actor, dataset: str, because: str) -> Iterator[None]:
    """Open a transaction in which an actor who may decides, alone, about one register."""
    require(actor, ACTION)
    if not because.strip():
        raise Refused(_("请写明理由；理由与决定一起保存。"), code="no_reason")
    with transaction.atomic():
        hold(dataset)
        yield


def _require_known(dataset: str, keys: Sequence[str]) -> None:
    there = set(table_of(dataset)._default_manager.filter(key__in=keys).values_list("key", flat=True))
    if lacking := [key for key in keys if key not in there]:
        raise NotFound(_("%(dataset)s 没有 %(keys)s。") % {"dataset": dataset, "keys": ", ".join(lacking[:5])})


def _decide(
    actor: Actor, dataset: str, kind: Decision.Kind, keys: Sequence[str], because: str, detail: Mapping[str, object],
    now: dt.datetime,
) -> Decision:  # fmt: skip
    audit.record(actor, f"register.{kind.value}", dataset, keys[0] if keys else "", detail={"keys": list(keys)[:50]})
    return Decision.objects.create(
        dataset=dataset, kind=kind, keys=list(keys), because=because.strip()[:500], detail=dict(detail),
        actor=actor.name[:150], at=now,
    )  # fmt: skip


def _link(decision: Decision, pairs: Sequence[tuple[str, str, dt.date | None]], now: dt.datetime) -> None:
    Link.objects.bulk_create(
        Link(dataset=decision.dataset, old_key=old, new_key=new, on=on, decision=decision, known_from=now)
        for old, new, on in pairs
    )
