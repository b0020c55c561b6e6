# SPDX-License-Identifier: Apache-2.0
"""Records of two authorities compared: what is certain is proposed, what is not waits for a person, every decision can be undone.

Nothing is merged by a score alone: somebody decides, about one pair or about all that are proposed, and says why.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterable
from importlib.util import find_spec
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.translation import gettext as _
from procrastinate.exceptions import AlreadyEnqueued

from chengyun.access import audit
from chengyun.access.actors import Actor
from chengyun.access.policy import require
from chengyun.city import Entity
from chengyun.errors import NotFound, Refused, Unavailable
from chengyun.share.registers.declared import entity_of, no_authority
from chengyun.share.registers.identity import ACTION, keep_apart, merge
from chengyun.share.registers.links import Meanings
from chengyun.share.registers.matching import REVIEW_FROM, THRESHOLD, match
from chengyun.share.registers.models import Candidate, Decision, MatchRun, Statement
from chengyun.share.registers.resolve import resolve
from chengyun.share.registers.rows import claims_of, holding_on

__all__ = ["accept_proposed", "ask", "came_to_nothing", "compare", "settle"]

BATCH = 5_000
Records = dict[str, dict[str, Any]]


def ask(actor: Actor, dataset: str, left: str, right: str) -> None:
    """Have two authorities' records compared by `jobs`; it may take minutes.

    Raises Refused as compare does, and Unavailable without what compares, before it starts: later nobody would be told.
    """
    require(actor, ACTION)
    _require_comparable(dataset, left, right)
    stated = Statement.objects.filter(dataset=dataset, known_until=None)
    known = stated.filter(authority=left)
    if not known.exists() or not stated.filter(~Exists(known.filter(key=OuterRef("key"))), authority=right).exists():
        raise Refused(
            _("没有可比的：比对的是乙方独有编码的记录与甲方的记录，同一编码的已是同一个对象。"), code="nothing_to_compare"
        )
    if find_spec("splink") is None:
        raise Unavailable(_("比对需要安装 chengyun[matching]。"), code="no_splink")
    from chengyun.share.registers.tasks import compare_records  # the task runs the command that calls this module

    try:
        # A transaction of its own, or a savepoint: a lock that is taken must not spoil the caller's.
        with transaction.atomic():
            compare_records.configure(queueing_lock=f"registers.match.{dataset}", lock="registers.match").defer(
                dataset=dataset, left=left, right=right, account=actor.account_id or 0
            )
    except AlreadyEnqueued:
        raise Refused(_("已有一次比对在等待。"), code="settled") from None


def compare(
    actor: Actor, dataset: str, left: str, right: str, *, threshold: float = THRESHOLD, review_from: float = REVIEW_FROM,
    now: dt.datetime | None = None,
) -> MatchRun:  # fmt: skip
    """Compare what `left` states with the things only `right` states; return the run with its candidates.

    Pairs that somebody has said to be different things are left out.
    """
    require(actor, ACTION)
    now = now or timezone.now()
    entity = _require_comparable(dataset, left, right)
    first = _records(dataset, left, now)
    second = {key: values for key, values in _records(dataset, right, now).items() if key not in first}
    if not first or not second:
        words = {"left": left, "first": len(first), "right": right, "second": len(second)}
        said = _("%(left)s 陈述了 %(first)d 个对象，%(right)s 另有 %(second)d 个，没有可比对的。") % words
        raise Refused(said, code="nothing_to_compare")
    import duckdb  # only when records are compared

    with duckdb.connect() as connection:
        for name, records in (("first", first), ("second", second)):
            _table(connection, name, records, dict(entity.compared))
        found = match(connection, "first", "second", threshold=threshold, review_from=review_from)
        apart = _known_apart(dataset)
        with transaction.atomic():
            run = MatchRun.objects.create(
                dataset=dataset, left=left, right=right, actor=actor.name[:150], at=now, threshold=threshold,
                review_from=review_from, compared=found.compared, matched=found.taken, model=dict(found.model),
            )  # fmt: skip
            pairs = (one for one in found.pairs() if (one.left, one.right) not in apart)
            while part := list(itertools.islice(pairs, BATCH)):
                Candidate.objects.bulk_create(
                    Candidate(
                        run=run, left_key=one.left, right_key=one.right, weight=one.weight, probability=one.probability,
                        steps=[{"field": step.role, "level": step.says, "bits": round(step.bits, 2)} for step in one.steps],
                        state=Candidate.State.PROPOSED if one.taken else Candidate.State.WAITING,
                    )
                    for one in part
                )  # fmt: skip
            detail = {"left": left, "right": right, "run": run.pk}
            audit.record(actor, "register.match", dataset, str(run.pk), detail=detail)
    return run


def came_to_nothing(actor: Actor, dataset: str, left: str, right: str, code: str) -> MatchRun:
    """Write down why a comparison that was asked for came to nothing, for who asked. code: of a Problem, "" of anything else."""
    known = code in MatchRun.Failed.values
    return MatchRun.objects.create(
        dataset=dataset, left=left, right=right, actor=actor.name[:150], at=timezone.now(), threshold=THRESHOLD,
        review_from=REVIEW_FROM, failed=code if known else MatchRun.Failed.OTHER,
    )  # fmt: skip


def settle(actor: Actor, number: int, same: bool, because: str) -> Decision:
    """Say of a pair whether both records are of one thing; the right one's key then leads to the left one's."""
    require(actor, ACTION)
    with transaction.atomic():
        found = Candidate.objects.select_for_update().select_related("run").filter(pk=number).first()
        if found is None:
            raise NotFound(_("没有编号为 %s 的待定对。") % number)
        if found.state in (Candidate.State.SAME, Candidate.State.APART):
            raise Refused(_("这一对已有人作出决定。"), code="settled")
        dataset = found.run.dataset
        if same:
            decision = merge(actor, dataset, [found.right_key], found.left_key, because)
        else:
            decision = keep_apart(actor, dataset, [found.left_key, found.right_key], because)
        found.state = Candidate.State.SAME if same else Candidate.State.APART
        found.decision = decision
        found.save(update_fields=["state", "decision"])
    return decision


def accept_proposed(actor: Actor, run: int, because: str) -> int:
    """Merge every pair a run proposes; return how many. Each is a decision of its own, which can be undone alone."""
    require(actor, ACTION)
    numbers = list(Candidate.objects.filter(run=run, state=Candidate.State.PROPOSED).values_list("pk", flat=True))
    done = 0
    for number in numbers:
        try:
            settle(actor, number, True, because)
        except Refused:
            # Since the comparison one of the two was merged otherwise: a person looks at what is left of the pair.
            Candidate.objects.filter(pk=number, state=Candidate.State.PROPOSED).update(state=Candidate.State.WAITING)
        else:
            done += 1
    return done


def _require_comparable(dataset: str, left: str, right: str) -> Entity:
    entity = entity_of(dataset)
    if not entity.compared:
        raise Refused(_("%s 没有声明按什么比对记录。") % dataset, code="not_comparable")
    told = [one.key for one in entity.authorities]
    for authority in (left, right):
        if authority not in told:
            raise Refused(no_authority(authority, dataset, told), code="unknown_authority")
    if left == right:
        raise Refused(_("请选择两个不同的来源。"), code="same_source")
    return entity


def _records(dataset: str, authority: str, now: dt.datetime) -> Records:
    """Return what one authority says today of each thing that still has its own key."""
    today = timezone.localdate(now)
    stated: dict[str, list[Statement]] = {}
    rows = Statement.objects.filter(dataset=dataset, authority=authority, known_until=None).order_by("id")
    for one in holding_on(rows.iterator(chunk_size=BATCH), today):
        stated.setdefault(one.key, []).append(one)
    merged = Meanings.read(dataset, stated).to
    declared = [one for one in entity_of(dataset).authorities if one.key == authority]
    return {
        key: {name: said.chosen.value for name, said in resolve(declared, map(claims_of, told), key).items()}
        for key, told in stated.items()
        if key not in merged
    }


def _table(connection: Any, name: str, records: Records, compared: dict[str, str]) -> None:
    import pyarrow as pa

    columns: dict[str, Iterable[str | None]] = {"key": list(records)}
    for role, field in compared.items():
        columns[role] = [None if (value := values.get(field)) in (None, "") else str(value) for values in records.values()]
    connection.register("told", pa.table({role: pa.array(values, pa.string()) for role, values in columns.items()}))
    connection.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM told")  # noqa: S608  our own two names
    connection.unregister("told")


def _known_apart(dataset: str) -> set[tuple[str, str]]:
    rows = Decision.objects.filter(dataset=dataset, kind=Decision.Kind.APART, undone_at=None).values_list("keys", flat=True)
    return {pair for keys in rows for pair in itertools.permutations(keys, 2)}
