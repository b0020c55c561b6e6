# SPDX-License-Identifier: Apache-2.0
"""Boards as people meet them: what each may see, save, bring in, take along and say."""

from __future__ import annotations

import dataclasses
import datetime as dt
import io
import json
import zipfile
from collections.abc import Callable
from xml.etree import ElementTree

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from tests.web_boards.conftest import AQI, Town

from chengyun.access.actors import SYSTEM
from chengyun.access.models import AuditRecord
from chengyun.cases.services import open_case
from chengyun.operate import services as alerts
from chengyun.operate.boards import definitions
from chengyun.operate.boards.models import Annotation, BoardVersion, Definition, Remembered
from chengyun.operate.boards.services import ensure_boards, save
from chengyun.operate.models import Figure
from chengyun.web import cache

pytestmark = pytest.mark.django_db
SUBJECTS = ("330203", "330212", "330200")
TILES = [
    {"id": "aqi", "kind": "figure", "indicator": AQI, "subject": "330203", "bad": 20.0, "x": 0, "y": 0, "w": 3, "h": 2},
    {"id": "cases", "kind": "cases", "x": 3, "y": 0, "w": 3, "h": 4},
    {"id": "alerts", "kind": "alerts", "x": 6, "y": 0, "w": 3, "h": 4},
    {"id": "said", "kind": "text", "text": "<b>第一段</b>\n\n第二段", "x": 0, "y": 2, "w": 3, "h": 2},
]


def board(key: str = "duty", **more: object) -> dict[str, object]:
    return {"key": key, "name": "值班", "tiles": TILES, **more}


def told(client: Client, key: str) -> dict[str, dict[str, object]]:
    return {tile["id"]: tile for tile in json.loads(client.get(f"/boards/{key}/tiles.json").content)["tiles"]}


def test_each_tile_shows_what_its_reader_may_see(calm: Town, sign_in: Callable[..., Client]) -> None:
    open_case("air_quality.air_check", "核查甲", SYSTEM, timezone.now(), area_code="330203")
    save(board(audience="everyone"), SYSTEM)
    officer, anyone = told(sign_in("duty_officer"), "duty"), told(Client(), "duty")
    assert [line["text"] for line in officer["cases"]["lines"]] == ["核查甲"]
    assert "lines" not in anyone["cases"]
    assert "核查甲" not in Client().get("/boards/duty").content.decode()
    assert anyone["aqi"]["value"] == officer["aqi"]["value"] == "61"
    assert officer["aqi"]["judged"] == "bad"
    assert len(anyone["alerts"]["lines"]) == 1, "an alert about open data is open"
    page = sign_in("leader").get("/boards/duty").content.decode()
    assert "&lt;b&gt;第一段" in page
    assert "<b>第一段" not in page


def test_a_board_opens_to_its_audience(calm: Town, sign_in: Callable[..., Client]) -> None:
    save(board("staff_only"), SYSTEM)
    save(board("ours", audience="department", department="ecology", level="department"), SYSTEM)
    clerk, other = sign_in("department_clerk", "a", "ecology"), sign_in("department_clerk", "b", "education")
    leader, anyone = sign_in("leader"), Client()
    seen = {name: [key for key in ("air", "staff_only", "ours") if one.get(f"/boards/{key}").status_code == 200]
            for name, one in (("clerk", clerk), ("other", other), ("leader", leader), ("anyone", anyone))}  # fmt: skip
    assert seen == {
        "clerk": ["air", "staff_only", "ours"], "other": ["air", "staff_only"], "leader": ["air", "staff_only", "ours"],
        "anyone": ["air"],
    }  # fmt: skip
    for path in ("tiles", "tiles.json", "picture.svg", "board.pdf", "board.xlsx", "file.toml"):
        assert anyone.get(f"/boards/ours/{path}").status_code == 404
    assert "/boards/ours" not in other.get("/boards").content.decode()
    assert other.get("/boards/staff_only/edit").status_code == 404
    assert clerk.get("/boards/ours/edit").status_code == 200
    refused = other.post("/boards/ours/edit", {"composed": json.dumps(board("ours"))})
    assert refused.status_code == 404


def test_saving_is_a_version_and_never_over_somebody_else(calm: Town, sign_in: Callable[..., Client]) -> None:
    officer = sign_in("duty_officer")
    made = officer.post("/boards/new", {"composed": json.dumps(board()), "upon": "0", "note": "新建"})
    assert made.status_code == 303
    assert made["Location"] == "/boards/duty"
    changed = json.dumps({**board(), "name": "值班二"})
    assert officer.post("/boards/duty/edit", {"composed": changed, "upon": "1"}).status_code == 303
    late = officer.post("/boards/duty/edit", {"composed": json.dumps({**board(), "name": "晚了"}), "upon": "1"})
    assert late.status_code == 400
    assert "已被他人保存" in late.content.decode()
    assert "晚了" in late.content.decode()
    saved = BoardVersion.objects.filter(board__key="duty").order_by("number")
    assert list(saved.values_list("number", "text__name", "author_name")) == [
        (1, "值班", "duty_officer"), (2, "值班二", "duty_officer"),
    ]  # fmt: skip
    wrong = officer.post("/boards/duty/edit", {"file": 'key = "duty"\nname = ""', "upon": "2"})
    assert wrong.status_code == 400
    assert "name must have" in wrong.content.decode()
    renamed = officer.post("/boards/duty/edit", {"composed": json.dumps(board("other")), "upon": "2"})
    assert renamed.status_code == 400
    assert AuditRecord.objects.filter(action="board.saved", target="duty").count() == 2
    assert officer.post("/boards/duty/retire").status_code == 303
    assert officer.get("/boards/duty").status_code == 404


def test_who_saves_late_chooses_knowingly_and_loses_nothing(calm: Town, sign_in: Callable[..., Client]) -> None:
    officer = sign_in("duty_officer")
    mine = {"composed": json.dumps({**board(), "name": "我的"}), "upon": "1"}
    for number in range(2):
        officer.post("/boards/duty/edit" if number else "/boards/new", {"composed": json.dumps(board()), "upon": str(number)})
    for _again in range(2):
        late = officer.post("/boards/duty/edit", mine)
        assert late.status_code == 400
        body = late.content.decode()
        assert 'name="upon" value="1"' in body
        assert 'name="over" value="2"' in body
        assert "我的" in body
    assert officer.post("/boards/duty/edit", {**mine, "over": "2"}).status_code == 303
    assert BoardVersion.objects.filter(board__key="duty").count() == 3
    # Somebody saves again between the look and the choice: the choice was about another version.
    assert officer.post("/boards/duty/edit", {**mine, "over": "2"}).status_code == 400
    officer.post("/boards/duty/retire")
    gone = officer.post("/boards/duty/edit", {**mine, "upon": "3"})
    assert gone.status_code == 400
    assert "我的" in gone.content.decode()
    assert officer.post("/boards/duty/edit", {**mine, "upon": "3", "over": "3"}).status_code == 303
    assert officer.get("/boards/duty").status_code == 200


def test_a_retired_board_is_offered_again_by_who_composes(calm: Town, sign_in: Callable[..., Client]) -> None:
    officer = sign_in("duty_officer")
    officer.post("/boards/new", {"composed": json.dumps(board()), "upon": "0"})
    officer.post("/boards/duty/retire")
    taken = officer.post("/boards/new", {"composed": json.dumps(board()), "upon": "0"})
    assert taken.status_code == 400
    assert "已经有看板" in taken.content.decode()
    assert "/boards/duty/restore" in officer.get("/boards").content.decode()
    other = sign_in("grid_worker")
    assert "/boards/duty/restore" not in other.get("/boards").content.decode()
    assert other.post("/boards/duty/restore").status_code == 404
    assert officer.post("/boards/duty/restore").status_code == 303
    assert officer.get("/boards/duty").status_code == 200


def test_a_composer_that_sends_no_tiles_is_told_so(calm: Town, sign_in: Callable[..., Client]) -> None:
    officer = sign_in("duty_officer")
    for composed in ('{"tiles": [1]}', '{"tiles": [{"kind": []}]}', '{"tiles": {}}', "[]", '{"key": {}, "tiles": [{}]}'):
        assert officer.post("/boards/new", {"composed": composed, "upon": "0"}).status_code == 400


def test_a_file_goes_out_and_comes_in(calm: Town, sign_in: Callable[..., Client]) -> None:
    officer = sign_in("duty_officer")
    out = officer.get("/boards/air/file.toml")
    body = out.content.decode().replace('key = "air"', 'key = "air_two"')
    sent = officer.post("/boards/import", {"file": SimpleUploadedFile("two.toml", body.encode())})
    assert sent.status_code == 303
    assert sent["Location"] == "/boards/air_two"
    assert told(officer, "air_two").keys() == told(officer, "air").keys()
    bad = officer.post("/boards/import", {"file": SimpleUploadedFile("two.toml", b"\xff\xfe")})
    assert bad.status_code == 400
    assert officer.post("/boards/import", {"file": SimpleUploadedFile("x.json", b'{"key": 3}')}).status_code == 400
    assert sign_in("grid_worker").post("/boards/import").status_code == 404


def test_a_shipped_board_is_renewed_until_somebody_makes_it_theirs(calm: Town, sign_in: Callable[..., Client]) -> None:
    shipped = BoardVersion.objects.get(board__key="air")
    assert shipped.author_name == ""
    assert shipped.board.pack == "air_quality"
    ensure_boards()
    assert BoardVersion.objects.filter(board__key="air").count() == 1
    BoardVersion.objects.filter(pk=shipped.pk).update(text={**shipped.text, "name": "旧名"})
    ensure_boards()
    assert BoardVersion.objects.filter(board__key="air").order_by("-number").first().text["name"] == shipped.text["name"]
    save({**shipped.text, "name": "我们的"}, SYSTEM)
    ensure_boards()
    assert BoardVersion.objects.filter(board__key="air").order_by("-number").first().text["name"] == "我们的"


def test_annotations_are_said_and_taken_back(calm: Town, sign_in: Callable[..., Client]) -> None:
    officer, worker = sign_in("duty_officer"), sign_in("grid_worker")
    at = f"{timezone.localtime():%Y-%m-%dT%H:%M:%S}"
    assert worker.post("/boards/air/notes", {"at": at, "tile": "aqi", "text": "沙尘 <i>"}).status_code == 303
    page = officer.get("/boards/air").content.decode()
    assert "沙尘 &lt;i&gt;" in page
    assert "沙尘" not in Client().get("/boards/air").content.decode(), "what staff say is for staff"
    assert worker.post("/boards/air/notes", {"at": at, "text": ""}).status_code == 400
    assert worker.post("/boards/air/notes", {"at": at, "tile": "nothing", "text": "x"}).status_code == 404
    assert Client().post("/boards/air/notes", {"at": at, "text": "x"}).status_code == 302
    note = Annotation.objects.get()
    other = sign_in("handler")
    assert other.post(f"/boards/air/notes/{note.pk}/withdraw").status_code == 404
    assert worker.post(f"/boards/air/notes/{note.pk}/withdraw").status_code == 303
    assert "沙尘" not in officer.get("/boards/air").content.decode()
    assert set(AuditRecord.objects.filter(target="air", action__startswith="board.").values_list("action", flat=True)) >= {
        "board.annotated", "board.note_withdrawn",
    }  # fmt: skip


def test_taken_along_it_says_the_same(calm: Town, sign_in: Callable[..., Client]) -> None:
    officer = sign_in("duty_officer")
    save(board(tiles=[{**TILES[3], "text": "]]> & < \x7f"}, *TILES[:3]], name='A & <B> "C"'), SYSTEM)
    svg = officer.get("/boards/duty/picture.svg").content.decode()
    assert "A &amp; &lt;B&gt;" in svg
    assert ">61</text>" in svg
    assert ElementTree.fromstring(svg).tag.endswith("svg")
    pdf = officer.get("/boards/duty/board.pdf").content
    assert pdf.startswith(b"%PDF")
    assert b"STSong-Light" in pdf
    book = zipfile.ZipFile(io.BytesIO(officer.get("/boards/duty/board.xlsx").content))
    assert "<v>61</v>" in book.read("xl/worksheets/sheet1.xml").decode()
    assert AuditRecord.objects.filter(action="board.exported", target="duty").count() == 3


def test_stale_tiles_are_grey_and_say_so(calm: Town, sign_in: Callable[..., Client]) -> None:
    Figure.objects.filter(indicator=AQI, subject="330203", period_start__gte=calm.now - dt.timedelta(hours=8)).delete()
    save(board(), SYSTEM)
    client = sign_in("duty_officer")
    assert told(client, "duty")["aqi"]["status"] == "stale"
    page = client.get("/boards/duty").content.decode()
    tile = page[page.index('id="cell-aqi"') : page.index('id="cell-cases"')]
    assert 'data-status="stale"' in tile
    assert "过时" in tile


def test_a_board_of_sixty_asks_no_more_than_one_of_few(calm: Town, sign_in: Callable[..., Client]) -> None:
    save(board("few", tiles=[TILES[0]]), SYSTEM)
    many = [
        {
            **TILES[0],
            "id": f"t{number}",
            "subject": SUBJECTS[number % 3],
            "x": number % 4 * 3,
            "y": number // 4 * 2,
        }
        for number in range(60)
    ]
    save(board("many", tiles=many), SYSTEM)
    client = sign_in("duty_officer")
    counts = []
    for key in ("few", "few", "many"):
        with CaptureQueriesContext(connection) as asked:
            cache.forget_all()
            assert client.get(f"/boards/{key}").status_code == 200
        counts.append(len(asked))
    assert counts[2] <= counts[1]


def test_a_clock_set_back_stops_nobody(calm: Town) -> None:
    ahead = timezone.now() + dt.timedelta(hours=1)
    Remembered.objects.update(since=ahead)
    alerts.close(calm.alerts[0].pk, SYSTEM, timezone.now(), "核实")
    assert Remembered.objects.get().until == ahead


def test_words_are_remembered_once_until_they_change(calm: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    city = settings.CITY
    count = Definition.objects.count()
    assert definitions.meet(city, again=True) == 0
    rule = city.alerts["air_quality.pm25_rising"]
    monkeypatch.setitem(city.alerts, "air_quality.pm25_rising", dataclasses.replace(rule, severity="red"))
    assert definitions.meet(city, again=True) == 2, "one ends, one begins"
    assert Definition.objects.count() == count + 1
    former, now = Definition.objects.filter(kind="rule", key="air_quality.pm25_rising").order_by("id")
    assert former.until == now.since
    assert (former.text["severity"], now.text["severity"]) == (rule.severity, "red")
    assert now.text["when"]["is"] == type(rule.when).__name__
