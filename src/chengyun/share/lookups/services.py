# SPDX-License-Identifier: Apache-2.0
"""What happens here: an account is told to be a person, a resident asks, and the log is told what was read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from django.apps import apps
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from chengyun.access import audit
from chengyun.access.actors import SYSTEM, Actor
from chengyun.access.models import Account, Organisation
from chengyun.access.policy import require
from chengyun.cases.models import Case
from chengyun.cases.services import open_case, take_step
from chengyun.city import City
from chengyun.errors import NotFound, Refused, nearest
from chengyun.share.ledger.services import append_many
from chengyun.share.lookups import queries
from chengyun.share.lookups.models import Identity, Question, Told
from chengyun.share.lookups.statements import COLUMNS, of_row

CASE_TYPE = "privacy.question"
BATCH = 5_000
MOST_OPEN = 20
"""Open questions of one account: a hundred would drown those of everybody else."""
_NEXT = f"""
SELECT {COLUMNS} FROM access_auditlink l JOIN access_auditrecord r ON r.id = l.record_id
WHERE l.number > %s AND l.number <= %s AND r.detail ? 'subjects' ORDER BY l.number
"""  # noqa: S608  constant


def link(actor: Actor, account: Account, dataset: str, key: str, basis: str) -> Identity:
    """Say that an account is a row of a register of persons; the one before, if any, ends.

    basis: how that was established, e.g. "窗口核验身份证". Raises Refused or NotFound.
    """
    require(actor, "identity.link")
    city: City = settings.CITY
    declared = city.entities.get(dataset)
    if declared is None or not declared.personal:
        known = [name for name, one in city.entities.items() if one.personal]
        raise Refused(f"{dataset!r} is no register of persons.{nearest(dataset, known)} There are: {', '.join(known) or 'none'}.")
    if not basis.strip():
        raise Refused(_("请写明如何核验身份。"))
    label = city.packs[dataset.split(".")[0]].module.rsplit(".", 1)[1]
    if not apps.get_model(label, declared.model)._default_manager.filter(key=key).exists():
        raise NotFound(f"There is no {dataset} {key!r}.")
    try:
        with transaction.atomic():
            Identity.objects.filter(account=account, dataset=dataset, until=None).update(until=dt.datetime.now(dt.UTC))
            made = Identity.objects.create(
                account=account, dataset=dataset, key=key, basis=basis.strip()[:200], linked_by_id=actor.account_id
            )
            audit.record(actor, "identity.link", "accounts", str(account.pk), detail={"register": dataset})
    except IntegrityError as taken:
        raise Refused(_("另一个账号已关联此人，请先核实。"), code="taken") from taken
    return made


def unlink(actor: Actor, identity: Identity) -> None:
    """End an identity."""
    require(actor, "identity.link")
    with transaction.atomic():
        Identity.objects.filter(pk=identity.pk, until=None).update(until=dt.datetime.now(dt.UTC))
        audit.record(actor, "identity.unlink", "accounts", str(identity.account_id), detail={"register": identity.dataset})


def takes_questions() -> bool:
    """Say whether the pack that declares their kind of case runs."""
    city: City = settings.CITY
    return CASE_TYPE in city.cases


def ask(actor: Actor, kind: str, text: str, now: dt.datetime, record: int | None = None) -> Question:
    """Ask about a look, or about all of them: a case opens, and the body that looked is charged with it.

    Raises Refused, or NotFound for a look that is not the resident's.
    """
    about = queries.identities(actor.account_id)
    if not about or actor.account_id is None:
        raise NotFound(_("您的账号还没有关联到本人的记录。"))
    if not takes_questions():
        raise Refused(_("本市没有启用应用包 privacy，不能在此提问。"), code="pack_missing")
    if kind not in Question.Kind.values:
        raise Refused(_("请选择是询问还是投诉。"))
    if not 5 <= len(text.strip()) <= 2000:
        raise Refused(_("请用 5 到 2000 字写明要问的事。"))
    look = None
    if record is not None:
        found = queries.looks(about, queries.Asked(before=record + 1), now, 1)
        if not found or found[0].record != record:
            raise NotFound(_("没有这条查看记录。"))
        look = found[0]
    with transaction.atomic():
        # Held until the question stands, so that two sent at once do not both find room.
        Account.objects.select_for_update().get(pk=actor.account_id)
        if Question.objects.filter(account_id=actor.account_id, case__ended=False).count() >= MOST_OPEN:
            raise Refused(_("您已有 %s 个问题在办理，请等候答复。") % MOST_OPEN, code="too_many")
        body = Organisation.objects.filter(key=look.body).first() if look else None
        case = _open(Question.Kind(kind), text.strip(), body, look.record if look else None, now)
        made = Question.objects.create(
            account_id=actor.account_id, case=case, kind=kind, record=record, text=text.strip(), asked_at=now
        )
        audit.record(actor, "question.ask", "cases", case.number, detail={"kind": kind})
    return made


def _open(kind: Question.Kind, text: str, body: Organisation | None, record: int | None, now: dt.datetime) -> Case:
    title = f"{kind.label}：{_('谁看了我的记录')}" + (f"（{body.name}）" if body else "")
    case = open_case(
        CASE_TYPE, title, SYSTEM, now, source=Case.Source.WEB, description=text, area_code=body.area_code[:12] if body else "",
        evidence={"record": record} if record else {},
    )  # fmt: skip
    return take_step(case, "charge", SYSTEM, now, owner=body) if body else case


def asked_by(account_id: int | None) -> Sequence[Question]:
    """Return an account's questions, newest first."""
    return list(Question.objects.filter(account_id=account_id).select_related("case", "case__owner")[:100]) if account_id else []


def tell_log() -> int:
    """Append to the log `audit` what was read about persons since the last time; return how many were appended.

    Links are numbered as they commit, so none is passed over; the mark moves in the same transaction, so none is said twice.
    """
    total = 0
    while True:
        with transaction.atomic():
            mark, _made = Told.objects.select_for_update().get_or_create(pk=1)
            with connection.cursor() as cursor:
                cursor.execute("SELECT coalesce(max(number), 0) FROM access_auditlink WHERE number <= %s", [mark.link + BATCH])
                until = int(cursor.fetchone()[0])
                cursor.execute(_NEXT, [mark.link, until])
                found = [of_row(row) for row in cursor.fetchall()]
            append_many("audit", [(str(one.said["record"]), one.leaf) for one in found])
            total += len(found)
            if until <= mark.link:
                return total
            mark.link = until
            mark.save(update_fields=["link"])
