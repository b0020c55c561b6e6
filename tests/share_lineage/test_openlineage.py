# SPDX-License-Identifier: Apache-2.0
"""What others are told of runs, and that nobody is when nobody should be."""

from __future__ import annotations

import datetime as dt
import json
import logging
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.conf import settings

from chengyun.collect import hooks as collect_hooks
from chengyun.errors import Refused
from chengyun.lake import hooks as lake_hooks
from chengyun.operate import hooks as operate_hooks
from chengyun.share.exchange import hooks as exchange_hooks
from chengyun.share.lineage import building, telling
from chengyun.share.lineage.openlineage import run_event
from chengyun.share.lineage.telling import SETTING, Teller

NOON = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
GRAPH = building.build(settings.CITY, NOON.date(), None)
INDICATOR = "air_quality.area_day_aqi"


@pytest.fixture
def listening(monkeypatch: pytest.MonkeyPatch):
    """Ask listen() to take part, with hooks of this test's own."""
    for module, name in (
        (operate_hooks, "after_run"), (collect_hooks, "after_load"), (lake_hooks, "after_seal"), (exchange_hooks, "after_flow"),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, [])
    monkeypatch.setattr(telling, "_teller", None)

    def begin(target: str) -> None:
        monkeypatch.setenv(SETTING, target)
        telling.listen()

    return begin


def event(**given) -> dict:
    said = {
        "inputs": ["air_quality.station_hour", "air_quality.station"], "output": INDICATOR, "began": NOON,
        "ended": NOON + dt.timedelta(seconds=2), "rows": 7,
    }  # fmt: skip
    return run_event(GRAPH, "chengyun://330200", INDICATOR, "indicator", **(said | given))


def test_an_event_says_which_columns_a_figure_is_made_of() -> None:
    output = event()["outputs"][0]
    lineage = output["facets"]["columnLineage"]
    sources = {(one["name"], one["field"]): one["transformations"][0] for one in lineage["fields"]["pm25_24h"]["inputFields"]}
    assert sources["air_quality.station_hour", "pm25"]["type"] == "DIRECT"
    assert sources["air_quality.station_hour", "pm25"]["subtype"] == "AGGREGATION"
    assert ("air_quality.station_hour", "so2") not in sources
    kinds = {(one["field"], told["subtype"]) for one in lineage["dataset"] for told in one["transformations"]}
    assert ("key", "JOIN") in kinds
    assert ("hour_start", "FILTER") in kinds
    schema = {one["name"] for one in output["facets"]["schema"]["fields"]}
    assert set(lineage["fields"]) <= schema
    assert output["outputFacets"]["outputStatistics"]["rowCount"] == 7


def test_a_run_told_twice_is_one_run_and_a_failed_one_says_why() -> None:
    assert event()["run"]["runId"] == event()["run"]["runId"]
    assert event(began=NOON + dt.timedelta(hours=1))["run"]["runId"] != event()["run"]["runId"]
    failed = event(error="Binder Error: pm25")
    assert failed["eventType"] == "FAIL"
    assert failed["run"]["facets"]["errorMessage"]["message"] == "Binder Error: pm25"
    assert "outputFacets" not in failed["outputs"][0]


def test_the_projects_own_client_reads_every_event() -> None:
    facet = pytest.importorskip("openlineage.client.facet_v2")
    told = event()["outputs"][0]["facets"]["columnLineage"]
    fields = {
        name: facet.column_lineage_dataset.Fields(
            inputFields=[
                facet.column_lineage_dataset.InputField(
                    namespace=one["namespace"], name=one["name"], field=one["field"],
                    transformations=[facet.column_lineage_dataset.Transformation(**it) for it in one["transformations"]],
                )
                for one in it["inputFields"]
            ]
        )
        for name, it in told["fields"].items()
    }  # fmt: skip
    assert facet.column_lineage_dataset.ColumnLineageDatasetFacet(fields=fields).fields["pm25_24h"].inputFields


def test_nobody_listens_unless_somebody_is_named(listening, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SETTING, raising=False)
    telling.listen()
    assert (operate_hooks.after_run, collect_hooks.after_load, lake_hooks.after_seal) == ([], [], [])
    with pytest.raises(Refused, match="full path"):
        listening("events.jsonl")


def test_runs_loads_and_seals_end_as_lines_of_a_file(listening, tmp_path) -> None:
    file = tmp_path / "events.jsonl"
    listening(str(file))
    operate_hooks.after_run[0](INDICATOR, NOON, NOON + dt.timedelta(days=1), NOON, 1.5, 3, "")
    lake_hooks.after_seal[0]("air_quality.station_hour", 90)
    collect_hooks.after_load[0]("air_quality.china_hours", NOON, 12)
    collect_hooks.after_load[0]("population.persons", NOON, 5)
    events = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert [one["job"]["name"] for one in events] == [
        f"indicator.{INDICATOR}", "seal.air_quality.station_hour", "feed.air_quality.china_hours",
        "feed.population.persons",
    ]  # fmt: skip
    assert {one["name"] for one in events[0]["inputs"]} == {"air_quality.station", "air_quality.station_hour"}
    assert "SELECT" in events[0]["job"]["facets"]["sql"]["query"]
    assert events[2]["outputs"][0]["facets"]["columnLineage"]["fields"]["pm25"]["inputFields"][0]["field"] == "pm25"
    (filled,) = events[3]["outputs"]
    assert (filled["name"], filled["outputFacets"]["outputStatistics"]["rowCount"]) == ("population.person", 5)
    assert filled["facets"]["columnLineage"]["fields"]["name"]["inputFields"][0]["name"] == "feed:population.persons"


@pytest.mark.parametrize(
    ("noted", "told"),
    [
        ('BinderException: Binder Error: Referenced column "pm26" not found', None),
        ("ConversionException: Conversion Error: Could not convert string '330203199001010017' to INT64", "ConversionException"),
        ("第 3 行的姓名是 欧阳娜娜，不是数字。", "Problem"),
    ],
)
def test_an_error_tells_no_values(listening, tmp_path, noted: str, told: str | None) -> None:
    file = tmp_path / "events.jsonl"
    listening(str(file))
    operate_hooks.after_run[0](INDICATOR, NOON, NOON, NOON, 1.5, 0, noted)
    operate_hooks.after_run[0](INDICATOR, NOON, NOON, NOON, 1.5, 3, "")
    collect_hooks.after_load[0]("air_quality.china_hours", NOON, 12)
    failed, well, _load = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert failed["run"]["facets"]["errorMessage"]["message"] == (told or noted)
    assert well["eventType"] == "COMPLETE"


def test_an_event_is_posted_with_its_key_and_a_far_side_that_fails_is_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    got: list[tuple[str, dict]] = []

    class Far(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((self.headers["Authorization"], json.loads(body)))
            self.send_response(201 if len(got) > 2 else 500)
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Far)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    teller = Teller(f"http://127.0.0.1:{server.server_port}/api/v1/lineage#secret")
    with caplog.at_level(logging.WARNING, "chengyun.lineage"):
        for _ in range(3):
            teller.tell(event())
        teller.settle()
    server.shutdown()
    assert [key for key, _event in got] == ["Bearer secret"] * 3
    assert got[0][1] == json.loads(json.dumps(event()))
    assert [record.message.split(":")[0] for record in caplog.records] == [
        "OpenLineage events cannot be handed over", "OpenLineage events are handed over again",
    ]  # fmt: skip
    assert "secret" not in caplog.text
