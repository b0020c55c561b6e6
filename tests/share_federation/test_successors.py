# SPDX-License-Identifier: Apache-2.0
"""What a neighbour's keys say of those after them, taken: pinned, recorded, kept for a week, and never from or to a wrong one."""

from __future__ import annotations

import datetime as dt
import functools
from typing import Any

import pytest
from django.utils import timezone

from chengyun.access import signatures, successions
from chengyun.access.actors import SYSTEM
from chengyun.access.models import AuditRecord, Organisation
from chengyun.access.signatures import Jwk
from chengyun.share.exchange import parties
from chengyun.share.exchange.models import Party
from chengyun.share.federation import successors
from chengyun.share.federation.models import Neighbour

pytestmark = pytest.mark.django_db


def key(number: int) -> Jwk:
    return signatures.public("ed25519", bytes([number]) * 32)


def word(of: int, to: int | None) -> dict[str, Any]:
    sign = functools.partial(signatures.sign, "ed25519", bytes([of]) * 32)
    return successions.say(sign, key(of)["kid"], None if to is None else key(to), timezone.now())


@pytest.fixture
def haishu() -> Neighbour:
    body = Organisation.objects.create(key="node-haishu", name="海曙区")
    parties.register(SYSTEM, key(1), "海曙区", body)
    return Neighbour.objects.create(
        name="haishu", address="http://127.0.0.1:9/exchange/v1", keys={key(1)["kid"]: key(1)}, organisation=body
    )  # fmt: skip


def in_force(organisation: Organisation) -> set[str]:
    return set(Party.objects.filter(organisation=organisation, revoked_at=None).values_list("key_id", flat=True))


def test_a_new_key_is_taken_recorded_and_the_old_one_goes_after_a_week(haishu: Neighbour) -> None:
    one, two, told, now = key(1)["kid"], key(2)["kid"], {"successions": [word(1, 2)]}, timezone.now()
    kept = successors.follow(haishu, told, now)
    assert kept.keys() == in_force(haishu.organisation) == {one, two}
    said = AuditRecord.objects.latest("pk")
    assert (said.action, said.target) == ("federation.succeeded", "haishu")
    assert said.detail == {"key": one, "successor": two, "until": successions.written(now + successions.KEPT)}
    haishu.refresh_from_db()
    assert successors.follow(haishu, told, now) == haishu.keys == kept
    assert AuditRecord.objects.latest("pk") == said, "followed once"
    gone = successors.follow(haishu, {}, now + successions.KEPT + dt.timedelta(seconds=1))
    assert gone.keys() == in_force(haishu.organisation) == {two}
    assert successors.follow(haishu, {"successions": [word(2, 1)]}).keys() == {two}, "a key that was ended does not come back"


def test_a_lost_key_is_let_go_at_once(haishu: Neighbour) -> None:
    assert successors.follow(haishu, {"successions": [word(1, None), word(1, 2)]}) == {}
    assert in_force(haishu.organisation) == set()
    assert AuditRecord.objects.filter(action="federation.key_lost", target="haishu", detail__key=key(1)["kid"]).exists()


def test_who_ended_a_key_by_hand_does_not_follow_it(haishu: Neighbour) -> None:
    parties.end(SYSTEM, key(1)["kid"])
    assert successors.follow(haishu, {"successions": [word(1, 2)]}).keys() == {key(1)["kid"]}
    assert successors.follow(haishu, {"successions": [word(1, None)]}) == {}, "that it was lost is believed all the same"


def test_a_key_that_speaks_for_another_is_not_taken(haishu: Neighbour) -> None:
    parties.register(SYSTEM, key(2), "别人", Organisation.objects.create(key="another", name="别人"))
    assert successors.follow(haishu, {"successions": [word(1, 2)]}).keys() == {key(1)["kid"]}


@pytest.mark.parametrize("told", [None, [], {}, {"keys": []}, {"successions": None}, {"successions": "x"}])
def test_a_neighbour_that_knows_no_successions_stays_as_it_is(haishu: Neighbour, told: Any) -> None:
    assert successors.follow(haishu, told) == haishu.keys
    assert successors.follow_all() == 0, "nor one that is away"
