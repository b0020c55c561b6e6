# SPDX-License-Identifier: Apache-2.0
"""The doors others come through: the exchange by version and as files, NGSI-LD, Open311, alerts and CAP, boards, DCAT."""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import io
from collections.abc import AsyncIterator, Coroutine, Sequence
from typing import Any

import pyarrow as pa
from django.conf import settings
from django.db import connection
from openpyxl import load_workbook
from tests.access.oracle import (
    AREAS,
    DATASET,
    INDICATOR,
    NOW,
    PURPOSES,
    Row,
    World,
    expected,
    original,
    reasons,
    refused,
    same,
    visible,
)

from chengyun.access import masks
from chengyun.access.actors import Actor
from chengyun.access.models import Organisation
from chengyun.access.policy import Scope, scope
from chengyun.access.rulebook import rulebook
from chengyun.cases.intake.models import Report
from chengyun.cases.models import Case, CaseClock
from chengyun.city import load_city
from chengyun.errors import Refused
from chengyun.operate.boards.queries import Saved
from chengyun.operate.boards.spec import BoardSpec, TileSpec
from chengyun.operate.models import Alert, AlertEvent
from chengyun.operate.queries import newest_figures
from chengyun.protocols.cap import views as cap
from chengyun.protocols.dcat.views import export
from chengyun.protocols.ngsild.packs import PackEntities
from chengyun.protocols.ngsild.selecting import Query
from chengyun.protocols.ngsild.vocabulary import DEFAULT_VOCAB, PREFIX
from chengyun.protocols.open311 import reading as open311
from chengyun.share.catalogue.listing import write_listings
from chengyun.share.catalogue.models import Resource
from chengyun.share.catalogue.search import counts, search
from chengyun.share.exchange import bulk
from chengyun.share.exchange import reading as exchange
from chengyun.share.exchange.arrows import masked
from chengyun.web.api import operations
from chengyun.web.boards.files import workbook_of
from chengyun.web.boards.tiles import view

STREAM = "parking.lot_free"
WORDS = "报案人自己的话"


# --- by version and as files -----------------------------------------------------------------------------------------


def ask_changes(world: World) -> None:
    """What a subscription and a federated copy read: everything since the beginning, by version, page by page."""
    purpose, limit = world.dice.choice(PURPOSES), world.dice.choice([1, 3, 1000])
    wanted, allowed = visible(world, purpose), scope(world.actor, DATASET, purpose)
    told: dict[str, Row] = {}
    after, as_of = None, None
    try:
        while True:
            page = exchange.rows(allowed, DATASET, since_version=0, after=after, as_of=as_of, limit=limit)
            told |= {one.subject: dict(one.values) for one in page.rows if not one.removed}
            assert not [one for one in page.rows if one.removed and one.values]
            after, as_of = page.next, page.as_of
            if after is None:
                break
    except Refused as wrong:
        refused(world, wrong)
        assert not wanted
        return
    _agree(told, as_exchanged(allowed, wanted))


def as_exchanged(allowed: Scope, wanted: dict[str, Row]) -> dict[str, Row]:
    """Return rows by the keys they have, as they go out: under one kind of key alone, whatever reasons there are."""
    if not allowed.blind:
        assert all(row.get("key", key) == key for key, row in wanted.items())
        return wanted
    return {key: {**row, "key": masks.mask("pseudonym:key", key, allowed.purpose or "")} for key, row in wanted.items()}


def ask_files(world: World) -> None:
    """The bulk files' columns and rows; where one reason alone allows, also the masks by column of the quicker way."""
    purpose = world.dice.choice(PURPOSES)
    wanted, allowed = visible(world, purpose), scope(world.actor, DATASET, purpose)
    if not allowed.allowed:
        assert not wanted
        return
    at = exchange.version_of(DATASET)
    shown = exchange.columns_of(allowed, DATASET)
    columns = (*bulk._OURS, *shown)
    parts = list(bulk._paged(allowed, DATASET, 0, at, columns))
    found = [pair for keys, table in parts for pair in zip(keys.to_pylist(), table.to_pylist(), strict=True)]
    told, shown_as = {key: row for key, row in found if not row["_removed"]}, as_exchanged(allowed, wanted)
    assert all(row["_key"] == shown_as[key].get("key", key) for key, row in told.items())
    assert set(told) == set(wanted)
    for key, row in told.items():
        for one in shown:
            assert same(row[one.name], shown_as[key].get(one.name)), (key, one.name)
    if len(allowed.layers) == 1 and wanted:
        raw = [{one.name: original(world, key)[one.name] for one in shown} for key in wanted]
        whole = masked(pa.Table.from_pylist(raw), shown, allowed.layers[0].masks, purpose or "").to_pylist()
        for key, row in zip(wanted, whole, strict=True):
            assert all(same(value, shown_as[key].get(name)) for name, value in row.items()), (row, shown_as[key])


def _agree(told: dict[str, Row], wanted: dict[str, Row]) -> None:
    assert set(told) == set(wanted)
    for key, row in told.items():
        assert set(row) == set(wanted[key])
        assert all(same(value, wanted[key][name]) for name, value in row.items()), (key, row, wanted[key])


# --- NGSI-LD ---------------------------------------------------------------------------------------------------------


class _Cursor:
    def __init__(self, text: str, params: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(text, params)
            self._rows = cursor.fetchall()

    async def fetchall(self) -> Sequence[Any]:
        return self._rows

    async def fetchone(self) -> Any:
        return self._rows[0] if self._rows else None


class _Connection:
    async def execute(self, text: str, params: Any = None) -> _Cursor:
        return _Cursor(text, params)


class _House:
    """What the registers' entities ask of the broker: the policy, and a connection; here that of the test's transaction."""

    async def scope_of(self, actor: Actor, dataset: str) -> Any:
        return scope(actor, dataset)

    @contextlib.asynccontextmanager
    async def reading(self) -> AsyncIterator[_Connection]:
        yield _Connection()


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """Run what never waits, without a loop: the ORM refuses to work inside of one."""
    try:
        work.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("it waited")


@functools.cache
def _entities() -> PackEntities:
    return PackEntities(load_city(("chengyun.packs.parking",)))


def ask_entities(world: World) -> None:
    """NGSI-LD: entities by page and by id, their attributes, how many there are, and which attributes are told of."""
    house: Any = _House()
    wanted = {} if world.facts.personal else visible(world, None)
    limit, told, offset = world.dice.choice([1, 5, 1000]), {}, 0
    while True:
        page, total = run(_entities().find(house, world.actor, Query(), offset, limit))
        told |= {one.id: one for one in page}
        assert total == len(wanted)
        offset += limit
        if not page or offset >= total:
            break
    assert {name.rpartition(":")[2] for name in told} == set(wanted)
    for name, one in told.items():
        _compare(one, wanted[name.rpartition(":")[2]])
    row = world.dice.choice(world.rows)
    name = f"urn:ngsi-ld:Lot:parking:{row['key']}"
    alone = run(_entities().get(house, world.actor, [name]))
    assert set(alone) == ({name} if row["key"] in wanted else set())
    matching, number = run(_entities().find(house, world.actor, Query(ids=(name,)), 0, 10))
    assert (number, len(matching)) == (len(alone), len(alone))
    types: dict[str, int] = {}
    kinds: Any = {f"{DEFAULT_VOCAB}Lot": {}}

    class Kinds(dict[str, set[str]]):
        def __missing__(self, key: str) -> set[str]:
            self[key] = set()
            return self[key]

    kinds = {f"{DEFAULT_VOCAB}Lot": Kinds()}
    run(_entities().add_types(house, world.actor, types, kinds, {}))
    assert types.get(f"{DEFAULT_VOCAB}Lot", 0) == len(wanted)
    shown = {name for row in wanted.values() for name in row}
    measured = {DEFAULT_VOCAB + it.key for it in settings.CITY.streams[STREAM].quantities}
    for attribute in set(kinds[f"{DEFAULT_VOCAB}Lot"]) - measured:
        column = attribute.removeprefix(DEFAULT_VOCAB)
        assert {"areaCode": "area_code", f"{PREFIX}location": "lon"}.get(column, column) in shown, attribute


def _compare(one: Any, seen: Row) -> None:
    attributes = {
        name.removeprefix(DEFAULT_VOCAB).removeprefix(PREFIX): instances[0]["value"]
        for name, instances in one.attributes.items()
        if "datasetId" not in instances[0]
    }
    place = attributes.pop("location", None)
    lon, lat = seen.get("lon"), seen.get("lat")
    assert place == ({"type": "Point", "coordinates": [lon, lat]} if lon is not None and lat is not None else None)
    columns = {"areaCode": "area_code"}
    for name, value in attributes.items():
        assert same(value, seen[columns.get(name, name)]), (name, value, seen)
    missing = {"name", "capacity", "city_name", "code"} & {name for name, value in seen.items() if value not in (None, "")}
    assert missing <= set(attributes)


# --- Open311 ---------------------------------------------------------------------------------------------------------


def ask_reports(world: World) -> None:
    """Open311: what the desk let be seen, what a number opens, and what a key's holder filed."""
    caller = world.dice.choice([None, world.actor if world.actor.account_id is not None else None])
    whole, reports = world.dice.random() < 0.5, list(Report.objects.select_related("case"))
    named = world.dice.sample(reports, world.dice.randint(0, 3))
    asked = open311.Asked(ids=[one.number for one in named], whole=whole, test=world.dice.random() < 0.2)
    found = {one["service_request_id"]: one for one in open311.requests(asked, caller, NOW)}
    wanted = {
        one.number: one for one in named or reports if one.simulated is asked.test and _report_seen(one, caller, bool(named))
    }
    assert set(found) == set(wanted)
    for number, told in found.items():
        report = wanted[number]
        own = caller is not None and report.account_id == caller.account_id
        public = report.published_at is not None and report.published_at <= NOW
        said = str(told)
        assert own or WORDS not in said
        assert told["description"] == (report.text if own else report.headline if public else None)
        exact = own or (public and not report.private)
        assert (told["address"] is not None) is exact
        if not exact:
            assert str(report.lon) not in said
        if not (own or public):
            assert told["lat"] is None


def _report_seen(one: Report, caller: Actor | None, by_number: bool) -> bool:
    own = caller is not None and caller.account_id is not None and one.account_id == caller.account_id
    public = one.published_at is not None and one.published_at <= NOW and one.home_id == one.case_id
    mine = own and one.channel == "open311"
    if by_number:
        return public or mine or one.channel == "open311"
    return (public or mine) and NOW - one.received_at <= dt.timedelta(days=90)


# --- alerts ----------------------------------------------------------------------------------------------------------


def ask_alerts(world: World) -> None:
    """Alerts through the API, and as CAP: the index, a message, and the place in it."""
    seen = {one.pk for one in Alert.objects.all() if _alert_seen(world, one)}
    words: dict[str, Any] = dict.fromkeys(["severity", "rule", "area", "cursor"]) | {"state": "all"}
    words["limit"], told = world.dice.choice([1, 100]), []
    try:
        while True:
            page = operations.alert_list(world.actor, words)
            told += [one["id"] for one in page["alerts"]]
            words["cursor"] = page["next"]
            if page["next"] is None:
                break
    except Refused as wrong:
        refused(world, wrong)
    assert set(told) == seen
    assert len(told) == len(seen)
    assert {one.pk for one in cap._alerts(world.actor, NOW)} == seen
    one = world.dice.choice(list(Alert.objects.all()))
    place = cap._place(one, world.actor)
    row = original(world, one.subject)
    entry = None if world.facts.personal else expected(world, row, None)
    if one.dataset != STREAM or entry is None or entry.get("lon") is None or entry.get("lat") is None:
        assert place.point is None
    else:
        assert place.point == (entry["lon"], entry["lat"])


def _alert_seen(world: World, one: Alert) -> bool:
    row = {"area_code": one.area_code}
    facts = rulebook().datasets["alerts"]
    by_post = any(
        post.role in ("department_clerk", "handler", "grid_worker", "intake_clerk", "dispatcher", "verifier")
        and one.area_code.startswith(post.area)
        for post in world.posts
    )
    return bool(reasons(world, facts, row, None, "alerts")) or by_post or rulebook().datasets[one.dataset].open


def ask_boards(world: World) -> None:
    """The newest figure of each subject, as boards, pages of indices and maps ask for it: by subject, or all there are."""
    mine = {one["subject"] for one in world.values if reasons(world, world.figures, one, None, INDICATOR)}
    subjects = None if world.dice.random() < 0.5 else [row["key"] for row in world.dice.sample(world.rows, 6)]
    found = newest_figures([INDICATOR], subjects, world.actor, NOW)
    told = {subject for (_indicator, subject), one in found.items() if one.id is not None}
    assert told == (mine if subjects is None else mine & set(subjects))
    assert all(one.value is None for (_indicator, subject), one in found.items() if subject not in told)


# --- the catalogue ---------------------------------------------------------------------------------------------------


def ask_entries(world: World) -> None:
    """That data exists: published to everybody, a draft to its provider and reviewers, a secret to its provider alone."""
    role = ("data_steward", "department_clerk")
    provider = any(post.role in role and post.organisation == "owner" for post in world.posts)
    reviewer = any(post.role in ("data_steward", "leader") and "330203".startswith(post.area) for post in world.posts)
    wanted = {"ext.door-public"} | ({"ext.door-draft"} if provider or reviewer else set())
    wanted |= {"ext.door-secret"} if provider else set()
    names = {one.key: one.name for one in Resource.objects.all()}
    assert {one.key for one in search(world.actor, "门外数据").hits} == wanted
    assert counts(world.actor, "门外数据").total == len(wanted)
    if world.dice.random() < 0.3:
        body, _type = export(world.actor, "ttl", "https://city.example/")
        assert {key for key in names if key in body.decode()} == wanted
        assert {key for key, name in names.items() if name in body.decode()} == wanted


# --- what stands behind them -----------------------------------------------------------------------------------------


def ask_board_files(world: World) -> None:
    """A board as a workbook: the cells of its figures and the lines of its alerts."""
    subjects = [f"k{number:02}" for number in range(12)]
    tiles = tuple(
        TileSpec(id=subject, kind="figure", title=subject, indicator=INDICATOR, subject=subject, x=0, y=number, w=3, h=1)
        for number, subject in enumerate(subjects)
    )
    alerts = TileSpec(id="alerts", kind="alerts", limit=100, x=3, y=0, w=3, h=4)
    saved = Saved(0, BoardSpec(key="door", name="门", tiles=(*tiles, alerts)), 1, "", NOW, "", retired=False)
    whole = workbook_of(view(saved, world.actor, None, dt.datetime.now(dt.UTC)))
    figures, lists, *_rest = load_workbook(io.BytesIO(whole), read_only=True).worksheets
    told = {str(title): number for title, number, *_more in figures.iter_rows(min_row=2, values_only=True)}
    mine = {one["subject"] for one in world.values if reasons(world, world.figures, one, None, INDICATOR)}
    assert told == {subject: 1 if subject in mine else None for subject in subjects}
    lines = [str(row[7]) for row in lists.iter_rows(min_row=2, values_only=True)]
    seen = [one for one in Alert.objects.all() if _alert_seen(world, one)]
    assert len(lines) == len(seen), lines
    assert {line for line in lines if line.startswith("/alerts/")} <= {f"/alerts/{one.pk}" for one in seen}


def plant(rows: Sequence[Row], person: int) -> None:
    """Plant alerts about lots, reports of every fate, and entries of the catalogue."""
    body = Organisation.objects.get(key="owner")
    for number, row in enumerate(rows[:8]):
        alert = Alert.objects.create(
            rule="parking.rule", dataset=(STREAM, INDICATOR)[number % 2], subject=row["key"], subject_name=f"对象{number}",
            area_code=AREAS[number % len(AREAS)], severity="major", since=NOW, last_seen_at=NOW, opened_at=NOW, evidence={},
        )  # fmt: skip
        AlertEvent.objects.create(alert=alert, kind="raised", at=NOW)
    for number in range(8):
        case = Case.objects.create(
            number=f"D{number}", type="urban_management.matter", state="filed", title="x", owner=body, opened_at=NOW, due_at=NOW
        )
        CaseClock.objects.create(case=case, limit_s=3600)
        Report.objects.create(
            number=f"R26-DOOR-{number:04}", link_salt="x", content_digest=str(number), channel=("open311", "web")[number % 2],
            received_at=NOW - dt.timedelta(days=(1, 120)[number == 5]), text=f"{WORDS}{number}", headline=f"公开{number}",
            lon=121.512345, lat=29.812345, address="某路1号", private=number % 3 == 0, case=case, home=case,
            account_id=person if number in (2, 3, 6) else None, simulated=number == 7,
            published_at=(NOW - dt.timedelta(hours=1), None, NOW + dt.timedelta(days=1))[number % 3],
        )  # fmt: skip
    made = [
        Resource(key=f"ext.door-{word}", kind="external", name=f"门外数据{word}", provider=body, area_code="330203", **more)
        for word, more in (("public", {"state": "published"}), ("draft", {"state": "draft"}),
                           ("secret", {"state": "published", "secret": True}))
    ]  # fmt: skip
    for one in made:
        one.save()
    write_listings(made)


OUTER = [
    *[ask_changes, ask_entities] * 4, *[ask_alerts, ask_boards] * 2, ask_board_files, ask_files, ask_reports, ask_reports,
    ask_entries,
]  # fmt: skip
