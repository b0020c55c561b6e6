# SPDX-License-Identifier: Apache-2.0
"""What others are told of rows that go to others, come from them or come in by forms: what went, which columns, and no more."""

from __future__ import annotations

import datetime as dt
import json
import types
import typing
from collections.abc import Callable
from enum import Enum
from importlib import util
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.db import connection, transaction
from django.utils import timezone

from chengyun.access.actors import SYSTEM
from chengyun.collect import front_door
from chengyun.collect.forms.models import Form, FormVersion, ReviewEvent, Submission
from chengyun.collect.pull import outside
from chengyun.config import config
from chengyun.errors import Unavailable
from chengyun.lake import database
from chengyun.lake.models import Receipt as Taken
from chengyun.packs.water_supply.models import Asset
from chengyun.share.exchange import bulk, hooks, pushing, receipts, statistics
from chengyun.share.exchange.models import BulkFile, Receipt, Target
from chengyun.share.federation import mirrors
from chengyun.share.federation.models import Asking, Mirror, Neighbour
from chengyun.share.lineage import flows, outbox, tasks, telling
from chengyun.share.lineage.models import Noted, Waiting
from chengyun.share.lineage.telling import SETTING, Teller

_spec = util.spec_from_file_location("exchange_conftest", Path(__file__).parents[1] / "share_exchange" / "conftest.py")
assert _spec is not None
assert _spec.loader is not None
given = util.module_from_spec(_spec)
_spec.loader.exec_module(given)
lake, department = given.lake, given.department

DATASET = "water_supply.asset"
FACETS = {
    "processing_engine": "ProcessingEngineRunFacet", "nominalTime": "NominalTimeRunFacet", "errorMessage": "ErrorMessageRunFacet",
    "tags": "TagsRunFacet", "jobType": "JobTypeJobFacet", "symlinks": "SymlinksDatasetFacet", "schema": "SchemaDatasetFacet",
    "columnLineage": "ColumnLineageDatasetFacet", "outputStatistics": "OutputStatisticsOutputDatasetFacet",
}  # fmt: skip


def made(kind: Any, value: Any) -> Any:
    """Make what the project's own client makes of JSON; a word it does not know, or lacks, fails."""
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        kind = next(one for one in typing.get_args(kind) if one is not type(None))
    if typing.get_origin(kind) is list:
        return [made(typing.get_args(kind)[0], one) for one in value]
    if typing.get_origin(kind) is dict:
        return {key: made(typing.get_args(kind)[1], one) for key, one in value.items()}
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(value)
    if hasattr(kind, "__attrs_attrs__"):
        hints = typing.get_type_hints(kind)
        given = {
            name.lstrip("_"): made(hints[name], one) for name, one in value.items() if name not in ("_schemaURL", "schemaURL")
        }
        return kind(**given)
    assert isinstance(value, kind), (kind, value)
    return value


def client_reads(event: dict[str, Any]) -> None:
    """Check an event against the classes that are generated from the standard's schemas."""
    facet_v2 = pytest.importorskip("openlineage.client.facet_v2")
    from openlineage.client.generated import base

    known = {
        name: getattr(module, kind)
        for name, kind in FACETS.items()
        for module in vars(facet_v2).values()
        if hasattr(module, kind)
    }

    def facets(told: dict[str, Any]) -> dict[str, Any]:
        for name, one in told.items():
            assert one["_schemaURL"] == known[name]._get_schema()
        return {name: made(known[name], one) for name, one in told.items()}

    def dataset(kind: Any, one: dict[str, Any]) -> Any:
        own = {name: facets(one[name]) for name in ("facets", "outputFacets") if name in one}
        return kind(**{**one, **own})

    run, job = event["run"], event["job"]
    read = base.RunEvent(
        eventTime=event["eventTime"], producer=event["producer"], eventType=base.EventType(event["eventType"]),
        run=base.Run(runId=run["runId"], facets=facets(run["facets"])),
        job=base.Job(namespace=job["namespace"], name=job["name"], facets=facets(job["facets"])),
        inputs=[dataset(base.InputDataset, one) for one in event["inputs"]],
        outputs=[dataset(base.OutputDataset, one) for one in event["outputs"]],
    )  # fmt: skip
    assert event["schemaURL"] == read.schemaURL
    assert event.keys() <= {"eventType", "eventTime", "producer", "schemaURL", "run", "job", "inputs", "outputs"}


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, db: None) -> Callable[[], list[dict[str, Any]]]:
    """Somebody is to be told; told() returns the events that wait, each as the standard has it."""
    for module, name in (
        (telling.operate_hooks, "after_run"), (telling.collect_hooks, "after_load"), (telling.lake_hooks, "after_seal"),
        (hooks, "after_flow"),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, [])
    monkeypatch.setattr(telling, "_teller", None)
    monkeypatch.setenv(SETTING, str(tmp_path / "events.jsonl"))
    telling.listen()

    def waiting() -> list[dict[str, Any]]:
        events = [one.event for one in Waiting.objects.all()]
        for one in events:
            client_reads(one)
        return events

    return waiting


def today() -> dt.date:
    return timezone.now().astimezone(config().zone).date()


def lineage(event: dict[str, Any]) -> dict[str, tuple[str, str, bool | None]]:
    """Column → the dataset and column it came from, and whether it was masked."""
    found = {}
    for name, one in event["outputs"][0]["facets"]["columnLineage"]["fields"].items():
        (source,) = one["inputFields"]
        (how,) = source["transformations"]
        found[name] = source["name"], source["field"], how.get("masking")
    return found


def tags(event: dict[str, Any]) -> dict[str, str]:
    return {one["key"]: one["value"] for one in event["run"]["facets"].get("tags", {}).get("tags", ())}


def test_a_days_messages_are_one_run_of_the_columns_that_went(department) -> None:
    given.people(8)
    grant = department.grant(
        "population.person",
        "statistics",
        shown={"name": "clear", "birth_date": "clear", "id_number": "masked", "phone": "pseudonym"},
    )
    for _ in range(2):
        department.client.get("/rows", dataset="population.person", purpose="statistics", fields="name,id_number")
    page = department.client.get("/rows", dataset="population.person", purpose="statistics", fields="phone", limit=3).json()
    (event,) = flows.given_on(today())
    client_reads(event)
    assert (event["eventType"], event["job"]["name"]) == (
        "COMPLETE", "exchange.civil_affairs_test/population.person/statistics",
    )  # fmt: skip
    found = lineage(event)
    assert {name: masked for name, (_set, _column, masked) in found.items()} == {"name": False, "id_number": True, "phone": True}
    assert found["id_number"][:2] == ("population.person", "id_number")
    schema = event["outputs"][0]["facets"]["schema"]["fields"]
    assert schema == [{"name": name, "type": "text"} for name in ("id_number", "name", "phone")]
    receipts_of = list(Receipt.objects.filter(dataset="population.person"))
    counted = event["outputs"][0]["outputFacets"]["outputStatistics"]
    assert (counted["rowCount"], counted["size"]) == (sum(it.rows for it in receipts_of), sum(it.bytes for it in receipts_of))
    assert tags(event) == {"messages": "3", "messages.api": "3", "columns_read_of": "3 messages"}
    span = event["run"]["facets"]["nominalTime"]
    assert dt.datetime.fromisoformat(span["nominalStartTime"]).date() == today()
    assert list(flows.given_on(today() - dt.timedelta(days=1))) == []
    text = json.dumps(event, ensure_ascii=False)
    for secret in (
        "欧阳",
        "p0000",
        page["rows"][0]["key"],
        "1990-01-01",
        grant.number,
        "3302050",
        department.party.key_id,
        "birth_date",
    ):
        assert secret not in text


def test_few_persons_are_not_counted_and_what_never_arrived_is_left_out(department) -> None:
    given.people(4)
    given.assets(2)
    department.grant("population.person", "statistics")
    department.grant(DATASET)
    department.client.get("/rows", dataset="population.person", purpose="statistics")
    lost = department.client.get("/rows", dataset=DATASET)
    department.client.get("/rows", dataset=DATASET)
    department.client.disclaim(receipts.parse(lost.leaf)["id"])
    few, assets = sorted(flows.given_on(today()), key=lambda one: one["job"]["name"])
    for one in (few, assets):
        client_reads(one)
    assert "outputFacets" not in few["outputs"][0]
    assert tags(few) == {}
    assert assets["outputs"][0]["outputFacets"]["outputStatistics"]["rowCount"] == 2
    assert tags(assets)["messages"] == "1"


def test_of_very_many_messages_some_are_looked_at(department, monkeypatch) -> None:
    given.assets(1)
    department.grant(DATASET)
    monkeypatch.setattr(statistics, "LOOKED_AT", 20)
    for _ in range(60):
        department.client.get("/rows", dataset=DATASET, fields="name")
    (one,) = statistics.given_on(today())
    assert (one.messages, one.rows, one.fields) == (60, 60, {"name"})
    assert 0 < one.looked_at < 60


def test_each_day_is_put_down_once_and_handed_over_in_order(department, told, monkeypatch, tmp_path) -> None:
    days: list[dt.date] = []

    def on(day: dt.date) -> list[dict[str, Any]]:
        days.append(day)
        return [{"job": {"name": day.isoformat()}}]

    monkeypatch.setattr(outbox, "_BY_DAY", {"exchange": on})
    noon = dt.datetime(2026, 11, 20, 4, tzinfo=dt.UTC)
    assert outbox.note_days(noon) == 1
    assert outbox.note_days(noon + dt.timedelta(hours=11, minutes=59)) == 0
    assert outbox.note_days(noon + dt.timedelta(hours=12, minutes=9)) == 0, "what was written at midnight may be under way"
    assert outbox.note_days(noon + dt.timedelta(days=3)) == 3
    assert days == [dt.date(2026, 11, day) for day in (19, 20, 21, 22)]
    assert Noted.objects.get().until == dt.date(2026, 11, 23)
    Noted.objects.update(until=dt.date(2026, 1, 1))
    assert outbox.note_days(noon + dt.timedelta(days=3)) == outbox.BACK_DAYS, "nobody was to be told for long"
    names = [one.event["job"]["name"] for one in Waiting.objects.all()]
    answers = [200, 503, 400, 200]
    got: list[str] = []

    def post(request: httpx.Request) -> httpx.Response:
        got.append(json.loads(request.content)["job"]["name"])
        return httpx.Response(answers.pop(0) if answers else 201)

    monkeypatch.setattr(outside, "client", lambda *_ends: httpx.Client(transport=httpx.MockTransport(post)))
    teller = Teller("http://far.test/api/v1/lineage")
    assert outbox.hand_over(teller) == 1
    assert got == names[:2]
    assert outbox.hand_over(teller) == len(names) - 1, "one that is refused for what it is does not hold up the others"
    assert got == [*names[:2], *names[1:]]
    assert not Waiting.objects.exists()
    Noted.objects.update(until=today() - dt.timedelta(days=1))
    tasks.note_days.func(0)
    assert Noted.objects.get().until == today()
    tasks.hand_over.func(0)
    lines = (tmp_path / "events.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(lines[-1])["job"]["name"] == (today() - dt.timedelta(days=1)).isoformat()


@pytest.mark.django_db(transaction=True)
def test_a_file_is_one_run_and_so_is_one_that_failed(department, told) -> None:
    given.people(6)
    department.grant("population.person", "statistics", fields=["birth_date"])
    bulk.ask_for(department.party, "population.person", "statistics", "parquet", 0)
    bulk.ask_for(department.party, "population.person", "statistics", "csv", 0)
    BulkFile.objects.filter(format="csv").update(dataset="population.household_never_granted")
    assert bulk.make_waiting() == 1
    made_one, failed = told()
    assert made_one["job"]["name"] == "file.civil_affairs_test/population.person/statistics"
    assert made_one["outputs"][0]["name"] == "exchange:civil_affairs_test/population.person/statistics"
    manifest = BulkFile.objects.get(format="parquet").manifest
    counted = made_one["outputs"][0]["outputFacets"]["outputStatistics"]
    assert (counted["rowCount"], counted["size"]) == (6, sum(one["bytes"] for one in manifest["parts"]))
    columns = lineage(made_one)
    assert set(columns) == {one["name"] for one in manifest["fields"] if one["name"][0] != "_"}
    assert columns["birth_date"][2] is False
    assert columns["id_number"][2] is True
    assert failed["eventType"] == "FAIL"
    assert failed["run"]["facets"]["errorMessage"]["message"] == "NotFound"
    assert "outputFacets" not in failed["outputs"][0]
    assert "欧阳" not in json.dumps([made_one, failed], ensure_ascii=False)


def test_a_push_is_one_run_and_its_database_is_not_named(department, told, monkeypatch) -> None:
    given.assets(3)
    department.grant(DATASET)
    monkeypatch.setattr(pushing, "PAGE", 2)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pushed_assets")
    target = pushing.add(SYSTEM, "civil", department.party, DATASET, "", database.url(), "pushed_assets")
    assert pushing.push_all() == 3
    assert pushing.push_all() == 0
    (event,) = told()
    assert event["job"]["name"] == "push.civil/civil_affairs_test/water_supply.asset"
    assert event["outputs"][0]["outputFacets"]["outputStatistics"]["rowCount"] == 3
    assert lineage(event)["name"] == (DATASET, "name", False)
    assert "pushed_assets" not in json.dumps(event)
    Asset.objects.update(name="改")

    def away(*_given: object) -> None:
        raise Unavailable("password is hunter2")

    monkeypatch.setattr(pushing, "_write", away)
    assert [pushing.push_all() for _ in range(3)] == [0, 0, 0]
    failed = told()[1:]
    assert [one["eventType"] for one in failed] == ["FAIL"], "it is tried every minute, and told of once"
    assert "hunter2" not in json.dumps(failed)
    assert Target.objects.get(pk=target.pk).reason == "password is hunter2"
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE pushed_assets")


@pytest.mark.django_db(transaction=True)
def test_a_neighbours_rows_are_one_run_under_its_own_name(department, told, monkeypatch) -> None:
    given.assets(3)
    department.grant(DATASET)
    neighbour = Neighbour.objects.create(name="node-b", address=given.ADDRESS, organisation=department.organisation)
    Asking.objects.create(
        number="7b9a1d3a-0c0f-4f5e-8a86-000000000001", neighbour=neighbour, ours=True, dataset=DATASET, purpose="",
        fields={"name": "masked"}, state="granted",
    )  # fmt: skip
    monkeypatch.setattr(mirrors, "PAGE", 2)
    mirror = mirrors.start(neighbour, DATASET)
    assert mirrors.draw(mirror, department.client, pages=1) == 2
    assert told() == []
    assert mirrors.draw(mirror, department.client) == 1
    assert mirrors.draw(mirror, department.client) == 0
    (event,) = told()
    (source,), (output,) = event["inputs"], event["outputs"]
    assert (source["namespace"], source["name"]) == ("chengyun://node-b", DATASET)
    assert output["name"] == "mirror:node-b/water_supply.asset"
    assert lineage(event)["name"] == (DATASET, "name", True)
    assert lineage(event)["key"][2] is False
    monkeypatch.setattr(mirrors.neighbours, "client_of", lambda _one: department.client)
    monkeypatch.setattr(department.client, "close", lambda: None)
    department.wire.changed = lambda _answer: httpx.Response(503, json={"code": "x", "message": "欧阳娜娜"})
    for _ in range(2):
        Mirror.objects.update(retry_at=timezone.now())
        mirrors.draw_all()
    failed = told()[1:]
    assert [one["eventType"] for one in failed] == ["FAIL"]
    assert "欧阳" not in json.dumps(failed, ensure_ascii=False)


def test_both_sides_name_what_went_between_them_alike(department, told) -> None:
    given.assets(1)
    department.grant(DATASET)
    department.client.get("/rows", dataset=DATASET)
    (event,) = flows.given_on(today())
    (link,) = event["inputs"][0]["facets"]["symlinks"]["identifiers"]
    assert (link["namespace"], link["name"]) == (f"chengyun://{config().node}", DATASET)


def test_what_cannot_be_told_of_goes_over_all_the_same(department, told, monkeypatch) -> None:
    given.assets(2)
    department.grant(DATASET)
    monkeypatch.setattr(flows, "carried_event", lambda *_given, **_more: 1 / 0)
    bulk.ask_for(department.party, DATASET, "", "csv", 0)
    assert bulk.make_waiting() == 1
    assert BulkFile.objects.get().state == "ready"

    def broken(_flow: hooks.Flow) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1/0")

    monkeypatch.setattr(hooks, "after_flow", [broken])
    with transaction.atomic():
        bulk.ask_for(department.party, DATASET, "", "parquet", 0)
        assert bulk.make_waiting() == 1
    assert set(BulkFile.objects.values_list("state", flat=True)) == {"ready"}
    assert told() == []


def test_nothing_is_put_down_where_nobody_is_to_be_told(department, told, monkeypatch) -> None:
    monkeypatch.setattr(hooks, "after_flow", [])
    monkeypatch.delenv(SETTING)
    telling.listen()
    given.assets(1)
    department.grant(DATASET)
    department.client.get("/rows", dataset=DATASET)
    bulk.ask_for(department.party, DATASET, "", "csv", 0)
    bulk.make_waiting()
    tasks.note_days.func(0)
    tasks.hand_over.func(0)
    assert (Waiting.objects.count(), Noted.objects.count(), telling.teller()) == (0, 0, None)


@pytest.mark.django_db
def test_a_forms_day_is_one_run_of_what_its_stream_took() -> None:
    form = Form.objects.create(
        key="noise_walk", title="噪声走查", stream="parking.lot_free", columns={"lot": "place", "free": "seen"}
    )
    version = FormVersion.objects.create(
        form=form, version="1", title="噪声走查", source_name="x", source=b"", xform="", digest="", made_by="x", state="retired"
    )
    now = timezone.now()
    for at, (kind, span) in enumerate((("accepted", (1, 2)), ("accepted", (3, 3)), ("accepted", (4, 3)), ("returned", (4, 8)))):
        submission = Submission.objects.create(
            instance=f"uuid:{at}",
            version=version,
            xml="",
            digest="",
            values={"place": "欧阳的停车场", "seen": "3"},
            received_at=now,
        )
        ReviewEvent.objects.create(submission=submission, kind=kind, at=now, actor="x")
        key = front_door.kept_as("parking.lot_free", "ingest:*", submission.instance)
        Taken.objects.create(
            stream="parking.lot_free",
            seq_from=span[0],
            seq_to=span[1],
            received_at=now,
            actor="x",
            idempotency_key=key,
            response=b"",
        )
    (event,) = flows.accepted_on(today())
    client_reads(event)
    assert (event["job"]["name"], event["inputs"][0]["name"]) == ("form.noise_walk", "form:noise_walk")
    assert lineage(event) == {"lot": ("form:noise_walk", "place", None), "free": ("form:noise_walk", "seen", None)}
    assert event["outputs"][0]["name"] == "parking.lot_free"
    assert event["outputs"][0]["outputFacets"]["outputStatistics"]["rowCount"] == 3
    assert tags(event) == {"submissions": "3"}
    assert "欧阳" not in json.dumps(event, ensure_ascii=False)
    assert list(flows.accepted_on(today() - dt.timedelta(days=1))) == []
