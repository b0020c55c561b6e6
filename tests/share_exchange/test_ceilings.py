# SPDX-License-Identifier: Apache-2.0
"""A grant whose reads of the day are used up beside one that stands: nobody moves on past rows that were not given."""

from __future__ import annotations

import datetime as dt
import json
from importlib import util
from pathlib import Path
from typing import Any

import httpx
import pytest

from chengyun.access.models import Grant, GrantUse
from chengyun.config import config
from chengyun.errors import NotFound, Refused
from chengyun.packs.water_supply.models import Asset
from chengyun.share.exchange import bulk, following
from chengyun.share.exchange.models import BulkFile, Subscription

_spec = util.spec_from_file_location("exchange_conftest", Path(__file__).with_name("conftest.py"))
assert _spec is not None
assert _spec.loader is not None
given = util.module_from_spec(_spec)
_spec.loader.exec_module(given)

DATASET = "water_supply.asset"
PURPOSE = "statistics"


@pytest.fixture
def capped(department) -> Grant:
    """Of four rows two are given under a ceiling of two reads a day, two without one."""
    given.assets(4)
    Asset.objects.filter(key__in=["s0002", "s0003"]).update(area_code="330205000000")
    department.grant(DATASET, PURPOSE, area_code="330205000000")
    made: Grant = department.grant(DATASET, PURPOSE, area_code="330203000000", frequency=2)
    return made


def keys(told: Any) -> list[str]:
    return [row["key"] for row in told.json()["rows"]]


def used_up(grant: Grant) -> bool:
    return bool(GrantUse.objects.get(grant=grant).reads == grant.frequency)


def today() -> dt.date:
    return dt.datetime.now(config().zone).date()


def tomorrow() -> None:
    GrantUse.objects.all().delete()


def test_what_changed_is_not_told_without_the_rows_of_a_grant_that_is_used_up(department, capped: Grant) -> None:
    asked = {"dataset": DATASET, "purpose": PURPOSE}
    as_of = department.client.get("/rows", **asked).json()["as_of"]
    department.client.get("/rows", **asked)
    assert used_up(capped)
    for key in ("s0000", "s0003"):
        Asset.objects.filter(key=key).update(name="改名")
    for path, more in (("/changes", {"since": as_of}), ("/rows", {})):
        with pytest.raises(Refused, match="已读取 2 次") as told:
            department.client.get(path, **asked, **more)
        assert (told.value.code, told.value.fields["status"]) == ("frequency", 429)
    tomorrow()
    assert keys(department.client.get("/changes", since=as_of, **asked)) == ["s0000", "s0003"]


def test_the_pages_of_a_read_that_was_counted_come_also_at_the_ceiling(department, capped: Grant) -> None:
    asked = {"dataset": DATASET, "purpose": PURPOSE, "limit": 1}
    GrantUse.objects.create(grant=capped, day=today(), reads=1)
    first = department.client.get("/rows", **asked)
    assert used_up(capped)
    read, page = keys(first), first.json()
    while page["next"]:
        told = department.client.get("/rows", after=page["next"], as_of=page["as_of"], **asked)
        read, page = [*read, *keys(told)], told.json()
    assert read == ["s0000", "s0001", "s0002", "s0003"]
    # A place that was not given out begins another read, and so does one that was given to a read of something else.
    for after, more in (
        ("s0000", {}),
        (first.json()["next"].replace("s0000", "s0001"), {}),
        (first.json()["next"], {"purpose": "duty"}),
        (first.json()["next"], {"since": 0}),
    ):
        with pytest.raises((Refused, NotFound)):
            department.client.get("/changes" if "since" in more else "/rows", **{**asked, **more}, after=after)
    tomorrow()
    assert keys(department.client.get("/rows", after="s0000", **asked)) == ["s0001"]
    assert GrantUse.objects.get(grant=capped).reads == 1


@pytest.mark.parametrize("more", [{}, {"fields": "name"}])
def test_a_read_goes_on_where_its_ceiling_is_lifted_on_the_way(department, capped: Grant, more: dict[str, str]) -> None:
    # A place with its proof begins with a digit: taken for a key it would stand before all of these, or behind others.
    asked = {"dataset": DATASET, "purpose": PURPOSE, "limit": 1, **more}
    page = department.client.get("/rows", **asked).json()
    read = [row["key"] for row in page["rows"]]
    Grant.objects.filter(pk=capped.pk).update(frequency=None)
    while page["next"]:
        page = department.client.get("/rows", after=page["next"], **asked).json()
        read += [row["key"] for row in page["rows"]]
    assert read == ["s0000", "s0001", "s0002", "s0003"]


def test_a_follower_waits_at_the_ceiling_and_gets_all(department, capped: Grant, monkeypatch) -> None:
    monkeypatch.setattr(following, "_reachable", lambda url: "127.0.0.1")
    following.subscribe(department.party, DATASET, PURPOSE, url="http://hook.test/in", since=0)
    got: list[list[str]] = []

    def hook(request: httpx.Request) -> httpx.Response:
        got.append([row["key"] for row in json.loads(request.content)["rows"]])
        return httpx.Response(500 if len(got) == 1 else 200)

    http = httpx.Client(transport=httpx.MockTransport(hook))
    monkeypatch.setattr(following, "PAGE", 2)
    Grant.objects.filter(pk=capped.pk).update(frequency=1)
    assert following.push_due(http) == 0
    Subscription.objects.update(retry_at=None)
    # The page that was counted goes out; the next waits for tomorrow.
    assert following.push_due(http) == 1
    held = Subscription.objects.get()
    assert ("已读取 1 次" in held.reason, held.failures, held.ended_at) == (True, 1, None)
    assert got == [["s0000", "s0001"]] * 2
    tomorrow()
    Subscription.objects.update(retry_at=None)
    assert following.push_due(http) == 1
    assert got[2:] == [["s0002", "s0003"]]


def test_a_file_is_made_whole_or_not_and_can_be_fetched_when_it_was_the_last_read(department, capped: Grant) -> None:
    asked = {"dataset": DATASET, "purpose": PURPOSE}
    department.client.get("/rows", **asked)
    number = department.client.post("/files", {**asked, "format": "csv"}).json()["file"]
    late = department.client.post("/files", {**asked, "format": "csv"}).json()["file"]
    assert bulk.make_waiting() == 1
    assert used_up(capped)
    assert department.client.get(f"/files/{number}").json()["manifest"]["rows"] == 4
    told = department.client.get(f"/files/{late}").json()
    assert (told["state"], "已读取 2 次" in told["reason"]) == ("failed", True)
    assert BulkFile.objects.count() == 2
