# SPDX-License-Identifier: Apache-2.0
"""A pseudonym is turned back by two persons, once, and leaves its trace."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import Error, transaction
from django.utils import timezone
from tests.share_lookups.conftest import Town

from chengyun.access.actors import actor_of_account
from chengyun.access.models import Account, Assignment, AuditRecord
from chengyun.access.pseudonyms import pseudonym
from chengyun.errors import NotFound, Refused
from chengyun.share.lookups import reversals
from chengyun.share.lookups.models import Reversal

WHY = "走失老人协查，依据公安函〔2026〕12号"


def test_one_asks_another_agrees_and_it_is_seen_once(town: Town) -> None:
    now, clerk, other = timezone.now(), town.clerk(town.police), town.clerk(town.health)
    officer = actor_of_account(town.officer)
    shown = pseudonym("phone", "13812345678", "statistics")
    held = reversals.ask(clerk, "phone", shown, "statistics", WHY, now)
    assert shown not in held.sealed
    with pytest.raises(Refused, match="尚未批准"):
        reversals.show(clerk, held.pk, now)
    with pytest.raises(Refused):
        reversals.settle(clerk, held.pk, now, agree=True)
    reversals.settle(officer, held.pk, now, agree=True)
    with pytest.raises(Refused, match="处理过"):
        reversals.settle(officer, held.pk, now, agree=False)
    with pytest.raises(NotFound):
        reversals.show(other, held.pk, now)
    with pytest.raises(Refused, match="七天"):
        reversals.show(clerk, held.pk, now + dt.timedelta(days=8))
    assert reversals.show(clerk, held.pk, now) == "13812345678"
    with pytest.raises(Refused, match="已经还原过"):
        reversals.show(clerk, held.pk, now)
    assert Reversal.objects.get(pk=held.pk).sealed == ""
    deeds = list(AuditRecord.objects.filter(action__startswith="pseudonym.").order_by("id").values_list("action", "detail"))
    assert [deed for deed, _ in deeds] == ["pseudonym.ask", "pseudonym.agree", "pseudonym.turn_back"]
    assert "13812345678" not in str(deeds)
    assert shown not in str(deeds)


def test_nobody_agrees_to_their_own_request_not_even_past_the_program(town: Town) -> None:
    both = Account.objects.create_user("both", password="x")
    Assignment.objects.create(account=both, role="security_officer")
    Assignment.objects.create(account=both, role="data_steward")
    actor, now = actor_of_account(both), timezone.now()
    held = reversals.ask(actor, "phone", "2138", "statistics", WHY, now)
    with pytest.raises(Refused, match="自己的申请"):
        reversals.settle(actor, held.pk, now, agree=True)
    with pytest.raises(Error, match="two_persons"), transaction.atomic():
        Reversal.objects.filter(pk=held.pk).update(settled_by=both)
    for wrong in (
        ("name", "x", "statistics", WHY),
        ("phone", "x", "fun", WHY),
        ("phone", "x", "statistics", "急"),
        ("phone", "", "duty", WHY),
    ):
        with pytest.raises(Refused):
            reversals.ask(actor, *wrong, now)


def test_the_page_does_the_same(town: Town, enter: Any) -> None:
    clerk = Account.objects.get(username="clerk_police_x")
    shown = pseudonym("phone", "13812345678", "statistics")
    given = {"kind": "phone", "pseudonym": shown, "purpose": "statistics", "reason": WHY}
    assert enter(clerk).post("/privacy/reversals", {**given, "reason": ""}).status_code == 400
    assert enter(clerk).post("/privacy/reversals", given).status_code == 303
    number = Reversal.objects.get().pk
    assert "批准" in enter(town.officer).get("/privacy/reversals").content.decode()
    assert enter(town.officer).post(f"/privacy/reversals/{number}/agree").status_code == 303
    page = enter(clerk).post(f"/privacy/reversals/{number}/show")
    assert "13812345678" in page.content.decode()
    assert "no-store" in page.headers["Cache-Control"]
    assert "13812345678" not in enter(clerk).get("/privacy/reversals").content.decode()
    assert enter(town.resident).get("/privacy/reversals").status_code in (403, 404)
