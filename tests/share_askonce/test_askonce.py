# SPDX-License-Identifier: Apache-2.0
"""Forms that ask again are refused; registers fill in with consent; the burden is counted."""

from __future__ import annotations

import datetime as dt
import io
import re
from collections.abc import Callable

import openpyxl
import pytest
from django.apps import apps
from django.test import Client
from django.utils import timezone
from tests.share_askonce.conftest import REGISTER, form_of

from chengyun.access.actors import SYSTEM, Actor
from chengyun.access.models import Account, AuditRecord
from chengyun.collect.forms import services as forms
from chengyun.collect.forms.models import Form, FormVersion, Submission
from chengyun.errors import NotFound, Refused
from chengyun.packs.legal_entities import pack as legal_entities
from chengyun.packs.legal_entities.models import Enterprise
from chengyun.share.askonce import bindings, burden, holdings, services
from chengyun.share.askonce.models import Decision
from chengyun.share.catalogue.models import DataElement, Resource

ASKS = """text | station | 站点编码 | true() | station.key
text | name | 站点名称 | true() | station.name
text | seen | 现场情况 | |"""
CONSENT = """acknowledge | agreed | 同意从登记中读取 | | form.consent
text | station | 站点编码 | true() | station.key
text | name | 站点名称 | | station.name
select_one kind | kind | 站点级别 | | station.kind
text | seen | 现场情况 | |"""
CHOICES = """| choices | | | |
| | list_name | name | label |
| | kind | a | 国控 |
| | kind | b | 市控 |
"""

pytestmark = pytest.mark.usefixtures("register")


def made(questions: str, **given: str) -> FormVersion:
    return forms.make_version(form_of(questions, **given), "form.md", SYSTEM)


def test_a_question_names_its_element_in_the_sheet() -> None:
    assert [one.get("element") for one in made(ASKS).questions] == ["station.key", "station.name", None]
    columns = "| survey | | | | |\n| | type | name | label | bind::chengyun:element |\n| | text | a | 甲 | station.name |\n"
    named = (
        '| settings | | | |\n| | form_id | version | namespaces |\n| | other | 1 | chengyun="https://example.org/chengyun" |\n'
    )
    version = forms.make_version((columns + named).encode(), "form.md", SYSTEM)
    assert version.questions[0]["element"] == "station.name"


def test_a_form_that_asks_for_what_is_held_is_refused_with_register_field_and_freshness() -> None:
    version = made(ASKS)
    with pytest.raises(Refused) as refusal:
        forms.publish(version, SYSTEM)
    sentence = refusal.value.sentence
    assert all(
        word in sentence for word in ("站点名称", "空气质量监测站", "1 条", f"{timezone.localdate():%Y-%m-%d}", "form.consent")
    )
    assert "站点编码" not in sentence, "what identifies the subject has to be asked"
    version.refresh_from_db()
    assert version.state == "draft"


def test_what_names_a_subject_may_be_asked_whatever_its_register_calls_it() -> None:
    """An entity's code is its key and a column beside: without it nobody knows whom the form is about."""
    DataElement.objects.bulk_create(
        [
            DataElement(key=one.key, name=one.name, type=one.type, source=one.source or "")
            for one in legal_entities.ELEMENTS
        ],
        ignore_conflicts=True,
    )  # fmt: skip
    Enterprise.objects.create(
        key="91330203MA2T0X103W", uscc="91330203MA2T0X103W", name="宁波东海机电有限公司", area_code="330203"
    )
    code = "text | code | 统一社会信用代码 | true() | enterprise.uscc\ninteger | staff | 现有员工数 | |"
    forms.publish(made(code), SYSTEM)
    with pytest.raises(Refused, match="企业名称") as refusal:
        forms.publish(made(f"{code}\ntext | called | 企业名称 | | enterprise.name", key="named"), SYSTEM)
    assert "统一社会信用代码" not in refusal.value.sentence


def test_a_register_that_is_empty_or_stale_may_be_asked_again() -> None:
    version = made(ASKS)
    event = apps.get_model("air_quality", "StationEvent")
    event.objects.update(pgh_created_at=timezone.now() - dt.timedelta(days=90))
    assert not holdings.standing(REGISTER, timezone.now()).fresh
    forms.publish(version, SYSTEM)
    Resource.objects.filter(key=REGISTER).update(cycle="year")
    assert holdings.standing(REGISTER, timezone.now()).fresh
    apps.get_model("air_quality", "Station").objects.all().delete()
    assert not holdings.standing(REGISTER, timezone.now()).fresh


def test_an_element_that_does_not_exist_is_refused_with_the_nearest() -> None:
    with pytest.raises(Refused, match=r"station\.name"):
        forms.publish(made(ASKS.replace("station.name", "station.nmae")), SYSTEM)


def test_what_is_not_bound_is_proposed_and_must_be_decided(steward: tuple[Client, Actor]) -> None:
    _client, actor = steward
    version = made("text | station | 站点编码 | true() | station.key\ntext | what | 请填写站点名称 | |")
    proposed = next(one for one in bindings.bindings(version) if one.path == "what")
    assert proposed.how == "proposed"
    assert proposed.element == "station.name"
    assert proposed.score >= 0.5
    assert proposed.because
    with pytest.raises(Refused, match="很可能就是"):
        forms.publish(version, SYSTEM)
    with pytest.raises(Refused, match="理由"):
        services.decide(version, "what", "station.name", False, " ", actor)
    services.decide(version, "what", "station.name", False, "问的是牌子上写的名称", actor)
    forms.publish(version, SYSTEM)
    services.decide(version, "what", "station.name", True, "", actor)
    assert Decision.objects.get().same
    with pytest.raises(Refused, match="不得再问"):
        forms.publish(version, SYSTEM)
    with pytest.raises(NotFound):
        services.decide(version, "nothing", "station.name", True, "", actor)


def test_with_consent_the_register_fills_in_and_the_read_is_recorded(person: Callable[[str, str], tuple[Account, Actor]]) -> None:
    _account, worker = person("worker", "grid_worker")
    version = made(CONSENT, choices=CHOICES)
    forms.publish(version, SYSTEM)
    with pytest.raises(Refused, match="同意"):
        forms.prefilled(version, "NB01", "", False, worker)
    found = forms.prefilled(version, "NB01", "", True, worker)
    assert found == {"station": "NB01", "name": "万里学院", "kind": "b", "agreed": "OK"}
    record = AuditRecord.objects.filter(action="form.prefill").latest("id")
    assert record.target == "NB01"
    assert record.detail["fields"] == ["key", "kind", "name"]
    assert record.detail["consent"]
    with pytest.raises(NotFound):
        forms.prefilled(version, "NB99", "", True, worker)
    with pytest.raises(Refused, match="parking"):
        forms.prefilled(version, "parking.lot/NB01", "", True, worker)


def test_who_may_not_read_the_register_is_not_filled_in(person: Callable[[str, str], tuple[Account, Actor]], monkeypatch) -> None:
    from chengyun.access import policy
    from chengyun.errors import NotFound as Gone

    _account, worker = person("worker", "grid_worker")
    version = made(CONSENT, choices=CHOICES)
    forms.publish(version, SYSTEM)
    closed = policy.scope(worker, "no.such.dataset")
    monkeypatch.setattr(policy, "scope", lambda *_args, **_kwargs: closed)
    before = AuditRecord.objects.filter(action="form.prefill").count()
    with pytest.raises(Gone):
        forms.prefilled(version, "NB01", "", True, worker)
    assert AuditRecord.objects.filter(action="form.prefill").count() == before


def test_the_browser_is_told_what_to_fill_in(person: Callable[[str, str], tuple[Account, Actor]]) -> None:
    account, _worker = person("worker", "grid_worker")
    forms.publish(made(CONSENT, choices=CHOICES), SYSTEM)
    client = Client()
    client.force_login(account)
    asked = client.get("/forms/fill/prefill/site_check", {"subject": "NB01"})
    assert asked.status_code == 409
    assert asked.json()["consent"] == "同意从登记中读取"
    given = client.get("/forms/fill/prefill/site_check", {"subject": "NB01", "consent": "1"})
    assert given.json()["prefill"]["name"] == "万里学院"
    assert "no-store" in given.headers["Cache-Control"]
    assert client.get("/forms/fill/prefill/site_check", {"subject": "nobody", "consent": "1"}).status_code == 404
    assert client.get("/forms/fill/prefill/none", {"subject": "NB01"}).status_code == 404


def test_minutes_follow_the_questions_their_repeats_and_what_is_filled_in() -> None:
    times = burden.seconds_on(dt.date(2026, 11, 22))
    plain = made("text | a | 甲 | |\ninteger | b | 乙 | |", key="plain")
    assert burden.minutes_of(plain, bindings.bindings(plain), None, times) == pytest.approx((30 + 20 + 8) / 60)
    consent = made(CONSENT, choices=CHOICES, key="consent")
    assert burden.minutes_of(consent, bindings.bindings(consent), None, times) == pytest.approx(
        (30 + 5 + 3 * 2 + 20) / 60, abs=0.26
    )


def test_the_report_counts_streets_and_overlaps(steward: tuple[Client, Actor]) -> None:
    _client, actor = steward
    apps.get_model("air_quality", "Station").objects.all().delete()
    first, second = made(ASKS, key="first", title="第一张"), made(ASKS, key="second", title="第二张")
    for version in (first, second):
        forms.publish(version, SYSTEM)
    services.set_load(Form.objects.get(pk="first"), 12, 100, 1, actor)
    for number in range(3):
        Submission.objects.create(
            instance=f"uuid:{number}", version=first, xml="<x/>", digest="d", values={}, received_at=timezone.now(),
            area_code="330203001002" if number else "330212005",
        )  # fmt: skip
    found = burden.report(actor, timezone.now())
    line = next(one for one in found.forms if one.key == "first")
    assert line.declared_hours == pytest.approx(line.minutes * 1200 / 60)
    assert line.filled == 3
    assert line.bound == 2
    assert {one.code: one.filled for one in found.streets} == {"330203001": 2, "330212005": 1}
    overlap = next(one for one in found.overlaps if one.element == "station.name")
    assert {key for key, _title, _path in overlap.forms} == {"first", "second"}
    assert overlap.registers == ("空气质量监测站",)
    assert not found.verified
    assert "未经核实" in found.source
    with pytest.raises(Refused):
        services.set_load(Form.objects.get(pk="first"), float("nan"), 1, 1, actor)


def test_the_report_stays_in_the_readers_areas(person: Callable[[str, str], tuple[Account, Actor]]) -> None:
    _account, actor = person("worker", "grid_worker")
    apps.get_model("air_quality", "Station").objects.all().delete()
    version = made(ASKS)
    forms.publish(version, SYSTEM)
    for number, area in enumerate(("330203001", "330212005")):
        Submission.objects.create(
            instance=f"uuid:{number}",
            version=version,
            xml="<x/>",
            digest="d",
            values={},
            received_at=timezone.now(),
            area_code=area,
        )
    near = Actor(actor.account_id, actor.name, actor.organisation, actor.roles, ("330203",))
    assert [one.code for one in burden.report(near, timezone.now()).streets] == ["330203001"]
    assert burden.report(Actor(1, "x", None, actor.roles, ()), timezone.now()).streets == ()


def test_the_pages_and_the_workbook(steward: tuple[Client, Actor]) -> None:
    client, _actor = steward
    version = made(ASKS.replace("station.name", ""))
    page = client.get("/burden").content.decode()
    assert "填报负担" in page
    bound = client.get(f"/burden/{version.form_id}")
    assert bound.status_code == 200
    assert "station.name" in bound.content.decode()
    done = client.post(f"/burden/{version.form_id}/decide", {"path": "name", "element": "station.name", "same": "1"})
    assert done.status_code == 303
    assert Decision.objects.get().same
    assert client.post(f"/burden/{version.form_id}/load", {"times": "12", "people": "50", "repeats": "1"}).status_code == 303
    wrong = client.post(f"/burden/{version.form_id}/load", {"times": "often", "people": "50", "repeats": "1"})
    assert wrong.status_code in (400, 403, 422)
    assert "不为负" in wrong.content.decode()
    book = openpyxl.load_workbook(io.BytesIO(client.get("/burden.xlsx").content))
    assert book.sheetnames == ["表单", "街道", "重复"]
    assert Client().get("/burden").status_code == 302
    assert client.get("/burden/none").status_code == 404


def test_what_is_agreed_to_is_no_text_and_few_minutes_are_not_no_hours(steward: tuple[Client, Actor]) -> None:
    client, actor = steward
    version = made(CONSENT, choices=CHOICES)
    forms.publish(version, actor)
    Submission.objects.create(
        instance="uuid:one", version=version, xml="<x/>", digest="d", values={},
        received_at=timezone.now(), area_code="330203001",
    )  # fmt: skip
    for address in (f"/forms/{version.form_id}", f"/burden/{version.form_id}"):
        row = client.get(address).content.decode().partition("同意从登记中读取")[2].partition("</tr>")[0]
        assert "<td>勾选同意</td>" in row, address
    assert re.search(r'<td class="number">\d 分钟</td>', client.get("/burden").content.decode())


def test_what_a_register_fills_in_is_not_counted_as_asked_again() -> None:
    forms.publish(made(CONSENT, choices=CHOICES), SYSTEM)
    assert burden.report(SYSTEM, timezone.now()).overlaps == ()
