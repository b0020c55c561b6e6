# SPDX-License-Identifier: Apache-2.0
"""Messages of real offices, signed, updated, faulty: kept with what is wrong in them, and never read beyond themselves."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from chengyun.city import Malformed, Observation, Registered
from chengyun.lake.read import snapshot
from chengyun.packs.warnings import feeds

MESSAGE = """<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>{id}</identifier><sender>nb@example.cn</sender>
<sent>2026-07-04T{hour}:00:00+08:00</sent><status>Actual</status><msgType>{kind}</msgType><scope>Public</scope>{references}
<info><language>en-US</language><category>Met</category><event>Typhoon</event><urgency>Immediate</urgency>
<severity>Moderate</severity><certainty>Likely</certainty></info>
<info><language>zh-CN</language><category>Met</category><event>台风</event><urgency>Immediate</urgency><severity>{severity}</severity>
<certainty>Likely</certainty><onset>2026-07-04T{hour}:00:00+08:00</onset><expires>2026-07-05T{hour}:00:00+08:00</expires>
<headline>台风{severity}预警</headline><area><areaDesc>宁波市</areaDesc>
<polygon>29.8,121.5 29.8,121.7 30.0,121.7 30.0,121.5 29.8,121.5</polygon></area></info></alert>"""


def test_an_update_and_an_end_are_about_the_first_message(load, figures, tmp_path: Path) -> None:
    first = "nb@example.cn,1,2026-07-04T08:00:00+08:00"
    for number, (kind, hour, severity) in enumerate(
        [("Alert", "08", "Severe"), ("Update", "10", "Extreme"), ("Cancel", "12", "Minor")], 1
    ):
        references = f"<references>{first}</references>" if number > 1 else ""
        path = tmp_path / f"{number}.xml"
        path.write_text(
            MESSAGE.format(id=number, hour=hour, kind=kind, severity=severity, references=references), encoding="utf-8"
        )
        assert load("warnings.cap", path).stored == 1
    with snapshot(["warnings.message"]) as lake:
        rows = lake.rows(
            "SELECT m.warning, m.kind, m.severity, m.duration, w.lon, w.lat FROM message AS m "
            "JOIN warning AS w ON w.key = m.warning ORDER BY m.sent",
            {},
        )
    assert [(it["warning"], it["kind"], it["severity"], it["duration"]) for it in rows] == [
        ("1", "Alert", 3, 24), ("1", "Update", 4, 24), ("1", "Cancel", 1, 24),
    ]  # fmt: skip
    assert (rows[0]["lon"], rows[0]["lat"]) == (pytest.approx(121.6), pytest.approx(29.9))
    (figure,) = figures("warnings.warning_severity_day").values()
    assert (figure.value, figure.detail["messages"], figure.detail["cancelled"]) == (4, 3, 1)


@pytest.mark.shared
def test_messages_of_real_offices(load, shared: Path) -> None:
    folder = shared / "data/alerts-cap"
    names = [
        "KAR0-0306112239-SW.cap", "amber.atom", "australia.cap", "bushfire_invalid.edxlde", "canada_errors.cap",
        "canada_signed.atom",
        "cap12_amber_alert_example.xml", "earthquake-iso8859-1.cap", "earthquake.cap", "invalid.cap", "no_optional_fields.cap",
        "weather.cap", "weather_invalid.atom",
    ]  # fmt: skip
    dead = {name: sum(load("warnings.cap", folder / name).dead.values()) for name in names}
    assert {name: count for name, count in dead.items() if count} == {"bushfire_invalid.edxlde": 1}
    with snapshot(["warnings.message"]) as lake:
        rows = lake.rows("SELECT warning, faults FROM message WHERE faults IS NOT NULL ORDER BY warning", {})
        (update,) = lake.rows("SELECT kind, urgency FROM message WHERE warning LIKE '2.49.0.1.124.6bddbc91%'", {})
    assert {it["warning"]: it["faults"] for it in rows}["12345"] == "alert/scope: nothing"
    assert len(rows) == 4
    assert (update["kind"], update["urgency"]) == ("Update", "Past")


@pytest.mark.shared
def test_a_message_that_would_read_files_is_set_aside(shared: Path) -> None:
    with (shared / "data/alerts-cap/xee.atom").open("rb") as file:
        (wrong,) = feeds.read_cap(file, "xee.atom")
    assert isinstance(wrong, Malformed)
    assert "definitions of its own" in wrong.sentence


def test_a_message_is_kept_for_all_that_is_wrong_in_it() -> None:
    body = MESSAGE.format(id="x" * 80, hour="08", kind="Alert", severity="Terrible", references="").replace(
        "<scope>Public</scope>", ""
    )
    registered, message = feeds.read_cap(io.BytesIO(body.encode()), "a.xml")
    assert isinstance(registered, Registered)
    assert isinstance(message, Observation)
    assert len(registered.key) == 64
    assert message.values["severity"] is None
    assert message.values["faults"] == "alert/scope: nothing; alert/info[2]/severity: 'Terrible'"
