# SPDX-License-Identifier: Apache-2.0
"""Messages of real offices, signed, updated, faulty: kept with what is wrong in them, and never read beyond themselves."""

from __future__ import annotations

import io
from pathlib import Path

import lxml.etree
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


SCHEMAS = ("cap12.xsd", "cap12_extended.xsd")
"""The standard's own, and one that also holds what the standard says in words."""


def judged(shared: Path, name: str) -> dict[str, tuple[bool, bool]]:
    """Return of every message of CAP 1.2 whether a schema accepts it, and whether it is read without a fault."""
    schema = lxml.etree.XMLSchema(lxml.etree.parse(shared / "standards/cap" / name))
    parser = lxml.etree.XMLParser(resolve_entities=False, no_network=True)
    found = {}
    for folder in (shared / "standards/cap/testdata", shared / "data/alerts-cap"):
        for path in sorted(folder.glob("*.cap")):
            message = lxml.etree.parse(path, parser)
            if message.getroot().tag != "{urn:oasis:names:tc:emergency:cap:1.2}alert":
                continue  # an earlier edition, which is read as well
            with path.open("rb") as file:
                messages = [row for row in feeds.read_cap(file, path.name) if isinstance(row, Observation)]
            faultless = bool(messages) and not any(row.values.get("faults") for row in messages)
            found[path.name] = (schema.validate(message), faultless)
    return found


@pytest.mark.shared
def test_what_the_standard_accepts_in_words_too_is_read_without_faults_and_what_its_schema_refuses_is_told(shared: Path) -> None:
    strict = judged(shared, "cap12_extended.xsd")
    assert [name for name, (valid, faultless) in strict.items() if valid and not faultless] == []
    plain = judged(shared, "cap12.xsd")
    assert [name for name, (valid, faultless) in plain.items() if not valid and faultless] == []
    assert {"australia.cap", "canada.cap", "wcatwc-warning.cap"} <= {name for name, it in strict.items() if it == (True, True)}
    assert plain["invalid.cap"] == strict["invalid.cap"] == (False, False)
    assert (plain["canada_errors.cap"], strict["canada_errors.cap"]) == ((True, False), (False, False))


@pytest.mark.parametrize("name", SCHEMAS)
@pytest.mark.shared
def test_the_messages_of_these_tests_are_valid(shared: Path, name: str) -> None:
    schema = lxml.etree.XMLSchema(lxml.etree.parse(shared / "standards/cap" / name))
    text = MESSAGE.format(id=1, hour="08", kind="Alert", severity="Severe", references="")
    schema.assertValid(lxml.etree.fromstring(text.encode()))
