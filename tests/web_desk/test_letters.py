# SPDX-License-Identifier: Apache-2.0
"""Dead letters through the pages: mend, send again, drop. The stream process is the outside here."""

from __future__ import annotations

import html
import json

import pytest

from chengyun.collect import front_door
from chengyun.collect.models import DeadLetter
from chengyun.errors import Unavailable


@pytest.fixture
def sent(monkeypatch) -> list[dict]:
    """What reached the stream process, which takes every row whose hour it can read."""
    rows: list[dict] = []

    def post(_config, _stream, row, **_rest):
        rows.append(row)
        if row.get("hour_start") == "yesterday":
            return {"accepted": 0, "dead": [{"index": 0, "reason": "hour_start cannot be read"}], "flags": {}}
        return {"accepted": 1, "dead": [], "flags": {}}

    monkeypatch.setattr(front_door, "post", post)
    return rows


def test_a_mended_row_is_sent_again(signed_in, letter, sent):
    steward, one = signed_in("steward", "data_steward"), letter()
    page = html.unescape(steward.get(f"/dead-letters/{one.pk}").content.decode())
    assert "expected ISO 8601" in page
    assert '"yesterday"' in page
    mended = {**one.row, "hour_start": "2026-04-01T08:00:00+08:00"}
    assert steward.post(f"/dead-letters/{one.pk}/retry", {"row": json.dumps(mended)}).status_code == 303
    one.refresh_from_db()
    assert (one.state, sent) == ("retried", [mended])
    assert steward.post(f"/dead-letters/{one.pk}/retry", {"row": ""}).status_code == 409


@pytest.mark.parametrize("typed", ["{", "[1]", "[" * 50_000, "x" * 100_001])
def test_what_is_no_row_is_refused_and_kept(signed_in, letter, sent, typed):
    steward, one = signed_in("steward", "data_steward"), letter()
    refused = steward.post(f"/dead-letters/{one.pk}/retry", {"row": typed})
    assert refused.status_code == 400
    assert typed[:40] in html.unescape(refused.content.decode())
    one.refresh_from_db()
    assert (one.state, sent) == ("waiting", [])


def test_all_of_one_reason_are_sent_again_and_no_others(signed_in, letter, sent):
    steward = signed_in("steward", "data_steward")
    same = [letter(row={"station": "A", "hour_start": f"2026-04-01T0{hour}:00:00+08:00"}) for hour in range(3)]
    other = letter(code="unknown_entity")
    answer = steward.post("/dead-letters/retry", {"stream": same[0].stream, "code": "time"}, follow=True)
    assert "重试了 3 条，3 条已入库。" in answer.content.decode()
    assert set(DeadLetter.objects.filter(state="waiting").values_list("pk", flat=True)) == {other.pk}


def test_a_letter_is_dropped_with_a_reason_only(signed_in, letter):
    steward, one = signed_in("steward", "data_steward"), letter()
    assert steward.post(f"/dead-letters/{one.pk}/drop", {"reason": ""}).status_code == 400
    assert steward.post(f"/dead-letters/{one.pk}/drop", {"reason": "测试数据"}).status_code == 303
    one.refresh_from_db()
    assert (one.state, one.note) == ("dropped", "测试数据")


def test_an_absent_stream_process_is_said_and_nothing_is_lost(signed_in, letter, monkeypatch):
    def away(*_given, **_rest):
        raise Unavailable("The stream process does not answer.")

    monkeypatch.setattr(front_door, "post", away)
    steward, one = signed_in("steward", "data_steward"), letter()
    assert steward.post(f"/dead-letters/{one.pk}/retry", {"row": ""}).status_code == 503
    one.refresh_from_db()
    assert one.state == "waiting"


def test_only_stewards_and_administrators_see_letters(signed_in, client, letter):
    one = letter()
    for address in ("/dead-letters", f"/dead-letters/{one.pk}"):
        assert client.get(address).status_code == 302
        assert signed_in(f"duty{address[-1]}", "duty_officer").get(address).status_code == 404
    administrator = signed_in("root", "administrator")
    assert "data-deed" not in administrator.get(f"/dead-letters/{one.pk}").content.decode()
    assert administrator.post(f"/dead-letters/{one.pk}/retry").status_code == 404
