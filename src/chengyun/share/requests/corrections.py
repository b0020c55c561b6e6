# SPDX-License-Identifier: Apache-2.0
"""校核反馈: whoever may read a value may say that it is wrong; its source answers within ten working days."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from chengyun.access import audit, grants
from chengyun.access.actors import Actor
from chengyun.access.grants import database_time
from chengyun.access.models import Account, Organisation
from chengyun.access.policy import require, require_by_key, scope
from chengyun.access.rulebook import rulebook
from chengyun.errors import NotFound, Refused
from chengyun.share.requests import clock, keys, notices, rights, terms
from chengyun.share.requests.models import Correction
from chengyun.share.requests.numbers import next_number
from chengyun.share.requests.office import calendar, today

__all__ = ["answer", "report", "value_for"]


def report(
    actor: Actor, dataset: str, key: str, field: str, said: str, *, proposed: str = "", purpose: str = ""
) -> Correction:  # fmt: skip
    """Tell the source that a value of a row the actor may read is wrong. Raises NotFound for a row they may not read."""
    require(actor, "request.apply")
    facts = terms.known(dataset)
    allowed = require_by_key(actor, dataset, purpose or None)
    known = grants.fields_of(dataset)
    if known and (field not in known or field in allowed.hidden):
        seen = sorted(known - allowed.hidden)
        said = _("%(name)s 没有字段“%(field)s”；有 %(known)s。")
        words = {"name": facts.name, "field": field[:63], "known": "、".join(seen)}
        raise Refused(said % words, code="field_unknown", field=field)
    if not said.strip():
        raise Refused(_("请写明哪里不对、凭什么这样说。"), code="reason_missing")
    if not key.strip() or actor.account_id is None:
        raise Refused(_("请写明是哪一行。"), code="key_missing")
    area_code = keys.area_of(allowed, key.strip())
    due_day = clock.due(today(), rulebook().requests.correction_days, calendar())
    body = Organisation.objects.filter(key=actor.organisation or "").first()
    with transaction.atomic():
        made = Correction.objects.create(
            number=next_number("C", Correction), dataset=dataset, key=key.strip()[:200], field=field[:63], organisation=body,
            provider=terms.provider_of(facts), reporter_id=actor.account_id, area_code=area_code, purpose=purpose,
            proposed=proposed.strip()[:300], said=said.strip(), due_day=due_day,
        )  # fmt: skip
        audit.record(actor, "correction.report", dataset, made.number, purpose, {"key": made.key, "field": field})
        notices.tell(rights.stewards_of(made), "wrong", correction=made)
    return made


def answer(actor: Actor, number: str, *, said: str, value: str = "", upheld: bool = False) -> Correction:
    """Answer for the source: with the corrected value, or that the value stands, and why."""
    with transaction.atomic():
        found = require_see(actor, number)
        correction = Correction.objects.select_for_update().get(pk=found.pk)
        rights.require_answer(actor, correction)
        if correction.state != Correction.State.OPEN:
            raise Refused(_("%s 已经答复。") % number, code="settled")
        if upheld and not said.strip():
            raise Refused(_("维持原值须说明理由。"), code="reason_missing")
        if not upheld and not value.strip():
            raise Refused(_("请写明更正后的值。"), code="value_missing")
        correction.state = Correction.State.UPHELD if upheld else Correction.State.CORRECTED
        correction.value, correction.answer = ("" if upheld else value.strip()[:300]), said.strip()
        correction.answered_at, correction.answered_by = database_time(), actor.name[:100]
        correction.save()
        detail = {"key": correction.key, "field": correction.field, "state": correction.state}
        audit.record(actor, "correction.answer", correction.dataset, number, correction.purpose, detail)
        notices.tell([Account.objects.get(pk=correction.reporter_id)], "answered", correction=correction)
    return correction


def value_for(actor: Actor, correction: Correction) -> str:
    """Return the corrected value as a reader may see that field of that row now; "" where they may not, or there is none.

    Saying that a masked value is wrong must not be a way to be told it.
    """
    if not correction.value or rights.answers(actor, correction):
        return correction.value
    allowed = scope(actor, correction.dataset, correction.purpose or None).by_key()
    city = settings.CITY
    if not allowed.allowed or correction.dataset not in city.entities:
        return correction.value if allowed.allowed and allowed.may_filter(correction.field) else ""
    from django.apps import apps  # only registers have a model of their own

    model = apps.get_model(correction.dataset.split(".")[0], city.entities[correction.dataset].model)
    row = model._default_manager.filter(allowed.q(), key=correction.key).values().first()
    return str(allowed.mask({**row, correction.field: correction.value}).get(correction.field, "")) if row else ""


def require_see(actor: Actor, number: str) -> Correction:
    """Return a correction. Raises NotFound: absent and not one's own look the same."""
    rows = Correction.objects.select_related("organisation", "provider", "reporter")
    found = rows.filter(rights.visible(actor), number=number).first()
    if found is None:
        raise NotFound(_("没有找到这份校核反馈。"))
    return found
