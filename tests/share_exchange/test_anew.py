# SPDX-License-Identifier: Apache-2.0
"""Copies made under other terms than now hold are read anew: whoever keeps one is told, and our own do it by themselves."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from importlib import util
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.apps import apps
from django.db import connection

from chengyun.access.actors import SYSTEM
from chengyun.access.keystore import keystore
from chengyun.access.masks import mask
from chengyun.access.services import revoke_grant
from chengyun.errors import Refused
from chengyun.lake import database
from chengyun.packs.water_supply.models import Asset
from chengyun.share.exchange import bulk, following, pushing
from chengyun.share.exchange.models import Subscription
from chengyun.share.federation import filling, mirrors, tables
from chengyun.share.federation.models import Mirror, Neighbour

_spec = util.spec_from_file_location("exchange_conftest", Path(__file__).with_name("conftest.py"))
assert _spec is not None
assert _spec.loader is not None
given = util.module_from_spec(_spec)
_spec.loader.exec_module(given)

DATASET, PERSON = "water_supply.asset", "population.person"
BLIND = {"dataset": PERSON, "purpose": "statistics"}


@pytest.fixture
def rotate() -> Iterator[Callable[[], int]]:
    """Rotates the key of the pseudonyms; afterwards the keystore is as it was."""
    store = keystore()
    store.version("pseudonyms")
    before = store.file.read_bytes()
    yield lambda: store.rotate("pseudonyms")
    store.file.write_bytes(before)


def mirror_of(department: Any, dataset: str, purpose: str) -> Mirror:
    neighbour, _ = Neighbour.objects.get_or_create(
        name="node-b", defaults={"address": given.ADDRESS, "organisation": department.organisation}
    )
    return mirrors.start(neighbour, dataset, purpose)


def kept(mirror: Mirror, field: str = "_key") -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {field} FROM mirror.{mirror.table} ORDER BY 1")
        return [row[0] for row in cursor.fetchall()]


def names_now(count: int) -> list[str]:
    return sorted(str(mask("pseudonym:key", f"p{number:05}", "statistics")) for number in range(count))


def change(key: str) -> None:
    Person: Any = apps.get_model("population", "Person")
    one = Person.objects.get(key=key)
    one.sex = "2"
    one.save()


def test_changes_say_when_a_copy_is_of_other_terms(department, rotate) -> None:
    given.people(4)
    department.grant(PERSON, "statistics", shown={"id_number": "pseudonym", "sex": "clear"})
    client = department.client
    first = client.get("/rows", **BLIND).json()
    change("p00001")
    asked = {**BLIND, "since": first["as_of"]}
    assert [len(client.get("/changes", terms=terms, **asked).json()["rows"]) for terms in (None, first["terms"])] == [1, 1]
    rotate()
    for terms in (None, first["terms"]):
        with pytest.raises(Refused, match="read under other terms") as told:
            client.get("/changes", terms=terms, **asked)
        assert (told.value.code, told.value.fields["status"]) == ("anew", 409)
    for terms in (None, first["terms"]):
        with pytest.raises(Refused, match="read under other terms"):
            client.post("/files", {**asked, "format": "csv", **({"terms": terms} if terms else {})})
    again = client.get("/rows", **BLIND).json()
    assert again["terms"] != first["terms"]
    # A register nobody changed meanwhile has the same version under both keys.
    assert client.get("/changes", terms=again["terms"], **BLIND, since=again["as_of"]).json()["rows"] == []
    # What a page does not show changes nothing: the same terms are of the same fields alone.
    less = client.get("/rows", fields="sex", **BLIND).json()
    with pytest.raises(Refused, match="read under other terms"):
        client.get("/changes", terms=less["terms"], **BLIND, since=less["as_of"])
    client.get("/changes", terms=less["terms"], fields="sex", **BLIND, since=less["as_of"])


def test_terms_are_of_rows_fields_and_masks_not_of_a_grants_number(department) -> None:
    given.assets(2)
    Asset.objects.filter(key="s0001").update(area_code="330205000000")
    first = department.grant(DATASET, area_code="330203000000")

    def terms() -> str:
        return str(department.client.get("/rows", dataset=DATASET).json()["terms"])

    before = terms()
    department.grant(DATASET, area_code="330203000000")
    assert terms() == before
    revoke_grant(SYSTEM, first, "由另一项授权代替")
    assert terms() == before
    department.grant(DATASET, area_code="330205000000")
    assert terms() != before


@pytest.mark.parametrize("page", [2, 1000])
def test_a_mirror_reads_anew_by_itself_and_has_the_old_rows_until_then(department, rotate, monkeypatch, page: int) -> None:
    given.people(5)
    department.grant(PERSON, "statistics", shown={"id_number": "pseudonym", "sex": "clear"})
    monkeypatch.setattr(mirrors, "PAGE", page)
    mirror = mirror_of(department, PERSON, "statistics")
    mirrors.draw(mirror, department.client)
    old = kept(mirror)
    assert old == names_now(5)
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE VIEW mirror.seen AS SELECT _key, sex FROM mirror.{mirror.table}")
    change("p00001")
    rotate()
    assert old != names_now(5)
    pages = 0
    while kept(mirror) == old:
        assert mirrors.draw(mirror, department.client, pages=1)
        pages += 1
    assert pages == (3 if page == 2 else 1)
    assert kept(mirror) == names_now(5)
    change("p00002")
    assert mirrors.draw(mirror, department.client) == 1
    assert (kept(mirror), sum(one == "2" for one in kept(mirror, "sex"))) == (names_now(5), 2)
    mirror.refresh_from_db()
    assert (mirror.rows, mirror.filled, mirror.redraw, mirror.failures) == (5, True, "", 0)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM mirror.seen")
        assert cursor.fetchone() == (5,)
        cursor.execute("SELECT to_regclass(%s)", [f"mirror.{tables.staged(mirror.table)}"])
        assert cursor.fetchone() == (None,)


def test_a_mirror_that_was_not_whole_yet_begins_again(department, rotate, monkeypatch) -> None:
    given.people(5)
    department.grant(PERSON, "statistics", shown={"id_number": "pseudonym"})
    monkeypatch.setattr(mirrors, "PAGE", 2)
    mirror = mirror_of(department, PERSON, "statistics")
    mirrors.draw(mirror, department.client, pages=2)
    assert Mirror.objects.get().rows == 4, "so far"
    rotate()
    mirrors.draw(mirror, department.client)
    assert kept(mirror) == names_now(5)
    assert Mirror.objects.get().rows == 5


def test_a_mirror_gains_and_loses_the_rows_of_grants(department) -> None:
    given.assets(4)
    Asset.objects.filter(key__in=["s0002", "s0003"]).update(area_code="330205000000")
    department.grant(DATASET, area_code="330203000000")
    mirror = mirror_of(department, DATASET, "")
    mirrors.draw(mirror, department.client)
    assert kept(mirror) == ["s0000", "s0001"]
    other = department.grant(DATASET, area_code="330205000000")
    mirrors.draw(mirror, department.client)
    assert kept(mirror) == ["s0000", "s0001", "s0002", "s0003"]
    revoke_grant(SYSTEM, other, "不再需要")
    mirrors.draw(mirror, department.client)
    assert kept(mirror) == ["s0000", "s0001"]


def test_who_never_agrees_on_terms_is_not_asked_for_ever(department, monkeypatch) -> None:
    given.assets(1)
    department.grant(DATASET)
    mirror = mirror_of(department, DATASET, "")
    mirrors.draw(mirror, department.client)
    asked: list[str] = []

    class Never:
        address = given.ADDRESS

        def get(self, path: str, **params: object) -> Any:
            asked.append(path)
            raise Refused("Read it anew.", code="anew")

    with pytest.raises(Refused):
        mirrors.draw(mirror, Never())  # type: ignore[arg-type]
    assert asked == ["/changes", "/rows"]
    assert kept(mirror) == ["s0000"]


def test_a_follower_is_told_and_goes_on_once_it_has_read_anew(department, rotate, monkeypatch) -> None:
    given.people(2)
    department.grant(PERSON, "statistics", shown={"id_number": "pseudonym", "sex": "clear"})
    monkeypatch.setattr(following, "_reachable", lambda url: "127.0.0.1")
    client = department.client
    made = client.post("/subscriptions", {**BLIND, "since": 0, "url": "http://hook.test/in"}).json()
    path, got = f"/subscriptions/{made['number']}", list[dict[str, Any]]()

    def hook(request: httpx.Request) -> httpx.Response:
        got.append(json.loads(request.content))
        return httpx.Response(500 if len(got) == 2 else 200)

    http = httpx.Client(transport=httpx.MockTransport(hook))
    assert following.push_due(http) == 1
    rotate()
    change("p00001")
    assert following.push_due(http) == 0
    Subscription.objects.update(retry_at=None)
    assert following.push_due(http) == 1
    assert following.push_due(http) == 0
    assert [(one.get("anew"), len(one["rows"]), one["to"]) for one in got[1:]] == [(True, 0, got[0]["to"])] * 2
    assert client.get("/subscriptions").json()["subscriptions"][0]["anew"] is True
    with pytest.raises(Refused, match="read under other terms"):
        client.get(f"{path}/changes")
    again = client.get("/rows", **BLIND).json()
    with pytest.raises(Refused, match="read under other terms"):
        client.post(f"{path}/acknowledge", {"version": again["as_of"], "terms": got[0]["terms"]})
    client.post(f"{path}/acknowledge", {"version": again["as_of"], "terms": again["terms"]})
    change("p00000")
    assert following.push_due(http) == 1
    assert [row["key"] for row in got[-1]["rows"]] == [str(mask("pseudonym:key", "p00000", "statistics"))]
    with pytest.raises(Refused, match="read under other terms"):
        client.post("/subscriptions", {**BLIND, "since": again["as_of"], "terms": got[0]["terms"]})


def test_a_place_of_a_key_that_was_rotated_is_said_to_be_one(department, rotate) -> None:
    given.people(3)
    department.grant(PERSON, "statistics", shown={"id_number": "pseudonym"})
    place = department.client.get("/rows", **BLIND, limit=1).json()["next"]
    rotate()
    with pytest.raises(Refused, match="rotated since") as told:
        department.client.get("/rows", **BLIND, limit=1, after=place)
    assert told.value.code == "anew"


@pytest.mark.parametrize("is_told", [True, False])
def test_who_goes_back_to_the_beginning_with_an_old_copy_is_told_that_it_is_one(department, monkeypatch, is_told: bool) -> None:
    given.assets(2)
    Asset.objects.filter(key="s0001").update(area_code="330205000000")
    department.grant(DATASET, area_code="330203000000")
    ended = department.grant(DATASET, area_code="330205000000")
    monkeypatch.setattr(following, "_reachable", lambda url: "127.0.0.1")
    client, got = department.client, list[dict[str, Any]]()
    hook = {"url": "http://hook.test/in"} if is_told else {}
    path = f"/subscriptions/{client.post('/subscriptions', {'dataset': DATASET, 'since': 0, **hook}).json()['number']}"

    def hooked(request: httpx.Request) -> httpx.Response:
        got.append(json.loads(request.content))
        return httpx.Response(200)

    def heard() -> dict[str, Any]:
        """What the follower is told next, or finds when it asks from the beginning."""
        if is_told:
            assert following.push_due(httpx.Client(transport=httpx.MockTransport(hooked))) == 1
            return got[-1]
        return dict(client.get(f"{path}/changes", **{"from": 0}).json())

    first = heard()
    assert [row["key"] for row in first["rows"]] == ["s0000", "s0001"]
    revoke_grant(SYSTEM, ended, "不再需要")
    client.post(f"{path}/acknowledge", {"version": 0})
    if is_told:
        assert heard()["anew"] is True
    else:
        with pytest.raises(Refused, match="read under other terms") as refused:
            heard()
        assert refused.value.code == "anew"
    # With nothing kept of what it had, it may have it all told again.
    terms = client.get("/rows", dataset=DATASET).json()["terms"]
    client.post(f"{path}/acknowledge", {"version": 0, "terms": terms})
    again = heard()
    assert ([row["key"] for row in again["rows"]], again["terms"]) == (["s0000"], terms)


@pytest.mark.django_db(transaction=True)
def test_what_is_pushed_is_pushed_anew(department, rotate) -> None:
    given.people(3)
    department.grant(PERSON, "statistics", shown={"id_number": "pseudonym", "sex": "clear"})
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pushed_people CASCADE")
    target = pushing.add(SYSTEM, "civil", department.party, PERSON, "statistics", database.url(), "pushed_people")
    assert pushing.push(target) == 3
    change("p00001")
    rotate()
    target.refresh_from_db()
    assert pushing.push(target) == 3
    target.refresh_from_db()
    assert pushing.push(target) == 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT _key, sex FROM pushed_people ORDER BY 1")
        rows = cursor.fetchall()
        cursor.execute("DROP TABLE pushed_people")
        cursor.execute("SELECT to_regclass('pushed_people__anew')")
        assert cursor.fetchone() == (None,)
    assert [key for key, _ in rows] == names_now(3)
    assert sum(sex == "2" for _, sex in rows) == 1


@pytest.mark.django_db(transaction=True)
def test_a_file_of_what_changed_gives_way_to_one_of_all(department, rotate, monkeypatch) -> None:
    given.people(4)
    department.grant(PERSON, "statistics", shown={"id_number": "pseudonym", "sex": "clear"})
    monkeypatch.setattr(filling, "ASK_EVERY_S", 0)
    client, usual = department.client, department.client.get

    def get(path: str, **params: object) -> Any:
        bulk.make_waiting()
        return usual(path, **params)

    def part(path: str, start: int, end: int) -> bytes:
        number, _, at = path.removeprefix("/files/").partition("/parts/")
        return bulk.part_path(department.party, number, int(at)).read_bytes()[start : end + 1]

    monkeypatch.setattr(client, "get", get)
    monkeypatch.setattr(client, "part", part)
    mirror = mirror_of(department, PERSON, "statistics")
    assert filling.fill(mirror, client) == 4
    change("p00001")
    rotate()
    mirror.refresh_from_db()
    assert filling.fill(mirror, client) == 4
    assert kept(mirror) == names_now(4)
    assert mirrors.draw(mirror, client) == 0
