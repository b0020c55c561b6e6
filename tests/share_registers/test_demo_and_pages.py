# SPDX-License-Identifier: Apache-2.0
"""The invented city in the registers, once for all of these: what is filled, and what its pages show to whom."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from chengyun.access.actors import SYSTEM, actor_of_account
from chengyun.access.models import Account, Assignment, AuditRecord, Organisation
from chengyun.areas.services import ensure_areas
from chengyun.city import Stated
from chengyun.collect.quality.registers import declared_outcomes
from chengyun.config import config
from chengyun.errors import Refused
from chengyun.packs.buildings.models import Address, Building
from chengyun.packs.laws.models import Article, Law
from chengyun.packs.legal_entities.models import Enterprise, Licence, Relation
from chengyun.packs.macro_economy.models import Figure, Series
from chengyun.packs.population.models import Household, Migration, Person
from chengyun.share.lookups.models import Identity
from chengyun.share.lookups.queries import Asked, looks
from chengyun.share.registers import commands, demo, identity, review, seasons, services, tasks
from chengyun.share.registers.citations import citations_of, cited_by
from chengyun.share.registers.models import Decision, MatchRun, Refusal, Season, Statement
from chengyun.share.registers.queries import as_of, leads_to
from chengyun.share.registers.series import adjusted, points


@pytest.fixture(scope="module")
def city(django_db_setup: None, django_db_blocker: object) -> Iterator[float]:
    """Fill the registers, and empty them afterwards; return how long it took."""
    from django.db import connection

    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        ensure_areas()
        begun = time.monotonic()
        assert demo.fill(config(), settings.CITY) > 5000
        took = time.monotonic() - begun
        assert demo.fill(config(), settings.CITY) == 0
        yield took
        with connection.cursor() as cursor:
            tables = [model._meta.db_table for model in (
                Person, Household, Migration, Enterprise, Licence, Relation, Building, Address, Series, Figure, Law, Article,
            )]  # fmt: skip
            cursor.execute(f"TRUNCATE {', '.join(tables)}, registers_load, areas_area CASCADE")


@pytest.fixture
def signed_in(db: None) -> Callable[[str], Client]:
    def sign_in(role: str, body: str = "公安局") -> Client:
        organisation, _ = Organisation.objects.get_or_create(key=f"body_{body}", defaults={"name": body})
        account = Account.objects.create_user(f"{role}-{body}", password="Tower-Bridge-1894", organisation=organisation)
        Assignment.objects.create(account=account, role=role, organisation=organisation)
        client = Client()
        client.force_login(account, backend=settings.AUTHENTICATION_BACKENDS[0])
        return client

    return sign_in


def page(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, (path, answer.status_code)
    return re.sub(r"\s+", " ", answer.content.decode())


@pytest.mark.django_db
def test_the_invented_city_hangs_together(city: float) -> None:
    assert not Refusal.objects.exists()
    assert Person.objects.count() > 2000
    assert Household.objects.count() == 1200
    assert not Person.objects.exclude(household__in=Household.objects.values("key")).exists()
    assert not Person.objects.exclude(building__in=Building.objects.values("key")).exists()
    assert not Relation.objects.exclude(enterprise__in=Enterprise.objects.values("key")).exists()
    assert Licence.objects.filter(enterprise__in=Enterprise.objects.values("key")).count() == Licence.objects.count() > 50
    assert Person.objects.filter(simulated=False).count() == 0
    assert Law.objects.filter(simulated=True).count() == 0
    assert city < 40


@pytest.mark.django_db
def test_two_departments_stand_beside_each_other(city: float) -> None:
    moved = next(
        found
        for key in Statement.objects.filter(authority="community", values__has_key="address").values_list("key", flat=True)
        if (found := as_of("population.person", key)) and found.said["address"].disputed
    )
    assert moved.said["address"].chosen.authority == "community"
    assert moved.said["address"].others[0].authority == "public_security"


@pytest.mark.django_db
def test_every_rule_of_the_city_rests_on_something(city: float) -> None:
    found = citations_of()
    by_number = {(one.cited.number, one.cited.clause): one.state for one in found}
    assert by_number["GB 3095-2012", "table 1"] == "article"
    assert by_number["HJ 633", ""] == "law"
    assert by_number["GB/T 30428", ""] == "law"
    unresolved = {one.source.text for one in found if one.state == "unresolved"}
    assert "GTFS" in unresolved
    assert not [one for one in found if one.state == "unresolved" and one.cited.number]
    packs = {one.source.pack for one in cited_by("laws.law", "GB-3095-2012")}
    assert packs == {"air_quality", "city_evaluation"}


@pytest.mark.django_db
def test_persons_are_shown_for_a_purpose_masked_and_written_down(city: float, signed_in: Callable[[str], Client]) -> None:
    person = Person.objects.exclude(phone="").order_by("key").first()
    assert person is not None
    path = f"/e/population.person/{person.key}"
    before = AuditRecord.objects.order_by("-id").values_list("id", flat=True).first() or 0
    reads = AuditRecord.objects.filter(id__gt=before, dataset="population.person", action="read")
    assert Client().get(path).status_code == 404
    clerk = signed_in("department_clerk")
    assert Client().get("/p/population/population").status_code == 200
    asked = page(clerk, path)
    assert "为什么查看" in asked
    assert person.name not in asked
    assert signed_in("department_clerk", "交通运输局").get(path).status_code == 404
    assert clerk.get(f"{path}?purpose=nothing").status_code == 200
    assert not reads.exists()
    shown = page(clerk, f"{path}?purpose=case")
    assert person.name not in shown
    assert person.id_number not in shown
    assert person.phone not in shown
    assert "公安局" in shown
    record = reads.get()
    assert (record.purpose, record.target) == ("case", person.key)
    household = page(clerk, f"/e/population.household/{person.household}?purpose=case")
    people = Person.objects.filter(household=person.household).values_list("key", flat=True)
    assert set(re.findall(r"/e/population.person/(\w+)", household)) == set(people)
    building = page(clerk, f"/e/buildings.building/{person.building}?purpose=duty")
    assert building.count("/e/population.household/") == 10
    assert page(clerk, "/p/population/population").count("请选择用途") == 2
    # A listing, too, tells what was shown in full, and nothing that was masked.
    page(clerk, "/p/population/population?purpose=case")
    listed = AuditRecord.objects.filter(action="read", dataset="population.person").latest("id")
    assert listed.detail["fields"] == ["residence", "sex"]


@pytest.mark.django_db
def test_what_is_read_at_the_machine_is_told_as_it_was_shown(city: float, capsys: pytest.CaptureFixture[str]) -> None:
    person = Person.objects.get(key="P00000001")
    about = [Identity(dataset="population.person", key=person.key)]
    wanted = Namespace(
        register="population.person", key=person.key, purpose="quality", day=None, known=None, json=False
    )  # fmt: skip
    commands._as_of(wanted)
    assert person.id_number in capsys.readouterr().out
    look = looks(about, Asked(), timezone.now())[0]
    assert {"公民身份号码", "名称", "联系电话"} <= set(look.fields)
    assert look.organisation == "市级平台运维（命令行）"


@pytest.mark.django_db
def test_a_key_with_a_slash_closes_no_page(city: float, signed_in: Callable[[str], Client]) -> None:
    """What came in by another way than a load may have any key."""
    Building.objects.create(key="../etc/passwd", name="怪码楼", area_code="330203")
    client = signed_in("duty_officer")
    assert 'href="/e/buildings.building/../etc/passwd"' in page(client, "/p/buildings/buildings?q-building=怪码楼")
    Building.objects.filter(key="../etc/passwd").update(key="a/b")
    assert "怪码楼" in page(client, "/e/buildings.building/a/b")


@pytest.mark.django_db
def test_a_licence_whose_end_is_known_is_there_until_then(city: float, signed_in: Callable[[str], Client]) -> None:
    today = timezone.localdate()
    there = Licence.objects.filter(valid_from__lte=today, valid_to__gt=today).count()
    assert 0 < there < Licence.objects.count()
    shown = page(signed_in("duty_officer"), "/registers")
    assert re.search(rf'legal_entities.licence</span></th><td>.*?</td><td class="number">{there}</td>', shown)


@pytest.mark.django_db
def test_a_key_that_was_merged_is_still_what_it_was_known_as_before(city: float, signed_in: Callable[[str], Client]) -> None:
    before, keys = timezone.now(), list(Enterprise.objects.order_by("key").values_list("key", flat=True)[:2])
    identity.merge(SYSTEM, "legal_entities.enterprise", [keys[0]], keys[1], "同一单位")
    client, path = signed_in("duty_officer"), f"/e/legal_entities.enterprise/{keys[0]}"
    assert client.get(path).headers["Location"] == f"/e/legal_entities.enterprise/{keys[1]}"
    shown = page(client, f"{path}?known={before:%Y-%m-%dT%H:%M:%S.%f}Z")
    assert f"<td>{keys[0]}</td>" in shown


@pytest.mark.django_db
def test_a_thing_that_was_split_shows_what_it_became_and_that_what_it_was(
    city: float, signed_in: Callable[[str], Client]
) -> None:
    key = Enterprise.objects.order_by("key").values_list("key", flat=True)[3]
    told = Statement.objects.filter(dataset="legal_entities.enterprise", key=key, known_until=None, authority="market")
    identity.split(SYSTEM, "legal_entities.enterprise", key, {"SPLIT0001": [told[0].pk]}, "两家单位")
    steward = signed_in("data_steward")
    for here, word, there in ((key, "拆分出", "SPLIT0001"), ("SPLIT0001", "拆分自", key)):
        shown = page(steward, f"/e/legal_entities.enterprise/{here}")
        assert f'{word}</span><span><a href="/e/legal_entities.enterprise/{there}">' in shown
        assert "两家单位" in shown


@pytest.mark.django_db
def test_a_building_shows_its_addresses_and_firms(city: float, signed_in: Callable[[str], Client]) -> None:
    building = Building.objects.order_by("key").first()
    assert building is not None
    shown = page(signed_in("duty_officer"), f"/e/buildings.building/{building.key}")
    assert "标准地址" in shown
    assert "楼内单位" in shown
    assert "变更与来源" in shown
    assert "住房和城乡建设局" in shown


@pytest.mark.django_db
def test_a_firm_shows_licences_ties_and_what_changed(city: float, signed_in: Callable[[str], Client]) -> None:
    firm = Enterprise.objects.filter(key__in=Licence.objects.values("enterprise")).order_by("key").first()
    assert firm is not None
    client = signed_in("duty_officer")
    shown = page(client, f"/e/legal_entities.enterprise/{firm.key}")
    assert "许可证" in shown
    assert "关联关系" in shown
    assert firm.representative not in shown
    assert firm.name in page(client, f"/p/legal_entities/enterprises?q-enterprise={firm.key}")
    assert "按当时所知，那一天没有这个对象" in page(client, f"/e/legal_entities.enterprise/{firm.key}?day=1950-01-01")
    for word, said in (("day", "不是日期"), ("known", "不是时刻")):
        answer = client.get(f"/e/legal_entities.enterprise/{firm.key}?{word}=yesterday")
        assert answer.status_code == 400
        assert f"“yesterday”{said}" in answer.content.decode()


@pytest.mark.django_db
def test_an_address_is_found_as_people_write_it(city: float, signed_in: Callable[[str], Client]) -> None:
    shown = page(signed_in("duty_officer"), "/p/buildings/buildings?q-address=海曙区模拟路１号1栋一单元二〇1")
    assert "道路 <strong>模拟路</strong>" in shown
    first = re.search(r'href="/e/buildings.address/([^"]+)">([^<]+)<', shown)
    assert first is not None
    assert first[2] == "浙江省宁波市海曙区模拟路1号1幢1单元201室"


@pytest.mark.django_db
def test_an_address_is_found_by_the_districts_short_name(city: float, signed_in: Callable[[str], Client]) -> None:
    shown = page(signed_in("duty_officer"), "/p/buildings/buildings?q-address=海曙模拟路5号302")
    assert "区县 <strong>海曙区</strong>" in shown
    first = re.search(r'href="/e/buildings.address/([^"]+)">([^<]+)<', shown)
    assert first is not None
    assert first[2] == "浙江省宁波市海曙区模拟路5号1幢1单元302室"


@pytest.mark.django_db
def test_a_listing_is_narrowed_to_a_district_and_paged_to_its_end(city: float, signed_in: Callable[[str], Client]) -> None:
    client, seen, path = signed_in("duty_officer"), [], "/p/buildings/buildings?in-address=330203"
    for _page in range(4):
        shown = page(client, path)
        assert '<option value="330203" selected>海曙区</option>' in shown
        seen += re.findall(r'href="/e/buildings.address/([^"]+)"', shown)
        following = re.search(r'<a rel="next" href="\?([^"#]*after-address[^"#]*)', shown)
        if following is None:
            break
        path = f"/p/buildings/buildings?{following[1].replace('&amp;', '&')}"
    assert seen == list(Address.objects.filter(area_code="330203").order_by("key").values_list("key", flat=True))
    assert "没有符合条件的记录" in page(client, "/p/buildings/buildings?in-address=%27--&after-address=~")


@pytest.mark.django_db
def test_what_a_thing_names_is_shown_by_its_name_and_leads_there(city: float, signed_in: Callable[[str], Client]) -> None:
    tie = Relation.objects.exclude(other="").order_by("key").first()
    assert tie is not None
    client = signed_in("duty_officer")
    holder = Enterprise.objects.get(key=tie.enterprise)
    shown = page(client, f"/e/legal_entities.enterprise/{tie.other}")
    assert f'<td><a href="/e/legal_entities.enterprise/{holder.key}">{holder.name}</a></td>' in shown
    assert 'href="/e/buildings.building/' in shown
    person = Person.objects.get(key="P00000001")
    clerk = signed_in("department_clerk")
    shown = page(clerk, f"/e/population.person/{person.key}?purpose=case")
    assert f'<a href="/e/population.household/{person.household}?purpose=case">{person.household}</a>' in shown
    # Whoever may not read persons is not led to one, nor told a name.
    assert "/e/population.person/" not in page(client, f"/e/buildings.building/{person.building}")


@pytest.mark.django_db
def test_a_law_that_has_ended_says_so(city: float) -> None:
    shown = page(Client(), "/e/laws.law/GB-3095-2012")
    assert "它已经结束，或尚未开始" in shown
    assert "<dt>已核实</dt><dd>是</dd>" in shown
    assert "限值 gb3095.pm25_24h" in shown
    # Sources of dated tables are written in English; a Chinese page says them in Chinese, an English one as they stand.
    assert '<td class="note long">GB 3095-2012，表 1</td>' in shown
    english = Client(headers={"accept-language": "en"}).get("/e/laws.law/GB-3095-2012").content.decode()
    assert '<td class="note long">GB 3095-2012, table 1</td>' in english
    for key, pack in settings.CITY.packs.items():
        for table in pack.limits:
            for entry in pack.limits.editions(table):
                assert re.search(r"[\u4e00-\u9fff]", entry.source_zh or entry.source) or not re.search(
                    r"[a-z]{4}", entry.source
                ), (key, table, entry.source)


@pytest.mark.django_db
def test_a_series_shows_its_revisions_and_its_season_apart(city: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for statsmodels, and a season that was taken out of other figures is not shown."""
    pytest.importorskip("statsmodels")
    address, waits, column = "/e/macro_economy.series/sim_retail.330200.M", "季节调整后的数值正在计算", ">季节调整后</th>"
    jobs = ProcrastinateJob.objects.filter(task_name="chengyun.share.registers.tasks.make_seasons", status="todo")

    def look() -> str:
        with monkeypatch.context() as without:
            without.setitem(sys.modules, "statsmodels.tsa.seasonal", None)
            return page(Client(), address)

    shown = look()
    assert "首次公布" in shown
    assert "个时期有修订" in shown
    assert waits in shown
    assert column not in shown
    assert look() == shown
    assert jobs.count() == 1
    commands._seasons(Namespace())
    made = Season.objects.get(dataset="macro_economy.figure", key="sim_retail.330200.M")
    known = points(Figure.objects.filter(series=made.key).values_list("period", "edition", "value"))
    assert made.values == pytest.approx(adjusted(known))
    shown = look()
    assert waits not in shown
    assert column in shown
    assert list(seasons.due(settings.CITY)) == []
    newest = Figure.objects.filter(series=made.key).order_by("-period", "-edition")[0]
    Figure.objects.filter(pk=newest.pk).update(value=newest.value + 1)
    assert waits in look()
    assert [one.key for one in seasons.due(settings.CITY)] == [made.key]
    assert seasons.make(settings.CITY) == 1
    assert column in look()
    Figure.objects.filter(series=made.key).delete()
    seasons.make(settings.CITY)
    assert not Season.objects.filter(key=made.key).exists()


@pytest.mark.django_db
def test_a_law_shows_who_cites_it(city: float) -> None:
    shown = page(Client(), "/e/laws.law/GB-3095-2012")
    assert "环境空气质量标准" in shown
    assert "限值 " in shown
    assert page(Client(), "/p/laws/laws").count("未能对应") > 1


@pytest.mark.django_db
def test_every_rule_on_a_register_runs_and_finds_what_is_wrong(city: float) -> None:
    rules = {
        key: rule for key, rule in settings.CITY.quality.items() if f"{key.split('.')[0]}.{rule.on}" in settings.CITY.entities
    }
    assert len(rules) > 20
    outcomes = {it.rule: it for name in settings.CITY.entities for it in declared_outcomes(name)}
    assert outcomes.keys() == rules.keys()
    assert [(it.rule, it.error) for it in outcomes.values() if it.error] == []
    for rule in ("id_number_form", "id_number_check", "born_as_numbered", "sex_as_numbered", "household_known"):
        assert outcomes[f"population.{rule}"].failed == 0, rule
        assert outcomes[f"population.{rule}"].checked > 2000, rule
    assert outcomes["legal_entities.uscc_check"].failed == 0
    number = Person.objects.get(key="P00000001").id_number
    Person.objects.filter(key="P00000001").update(id_number=number[:-1] + ("0" if number[-1] != "0" else "1"))
    wrong = {it.rule: it for it in declared_outcomes("population.person")}["population.id_number_check"]
    assert [one.subject for one in wrong.found] == ["P00000001"]


@pytest.mark.django_db
def test_a_comparison_that_comes_to_nothing_says_so_to_who_asked(city: float, signed_in: Callable[[str], Client]) -> None:
    """The tax office knows names and addresses alone: there is nothing sure to learn from."""
    pytest.importorskip("splink")
    load = services.begin_load(SYSTEM, "legal_entities.enterprise", "test", "tax")
    firms = Enterprise.objects.order_by("key")[:80]
    services.take(
        load, [Stated("enterprise", f"TAX{at:04}", {"name": one.name, "address": one.address}) for at, one in enumerate(firms)]
    )
    steward = signed_in("data_steward")
    asked = {"dataset": "legal_entities.enterprise", "left": "market", "right": "tax"}
    assert steward.post("/registers/matching/compare", asked).status_code == 303
    job = ProcrastinateJob.objects.get(task_name="chengyun.share.registers.tasks.compare_records").args
    words = {"register": job["dataset"], "left": job["left"], "right": job["right"], "account": job["account"]}
    with pytest.raises(Refused, match="too little to learn from"):
        commands._match(Namespace(**words, threshold=0.99))
    assert "学不出怎样算像" in page(steward, "/registers/matching")


@pytest.mark.django_db
def test_records_that_may_be_one_person_wait_for_somebody_to_say_so(city: float, signed_in: Callable[[str], Client]) -> None:
    pytest.importorskip("splink")
    known = list(Person.objects.filter(household__in=Household.objects.values("key")[:60]).order_by("key"))
    told = []
    for number, row in enumerate(known[:120]):
        number_ = "" if number % 3 == 0 else row.id_number
        values = {"name": row.name, "birth_date": row.birth_date, "sex": row.sex, "id_number": number_, "address": row.address}
        told.append(Stated("person", f"HE{number:05d}", values))
    load = services.begin_load(SYSTEM, "population.person", "test", "health")
    assert services.take(load, told).stated == 120
    steward = signed_in("data_steward")
    assert "记录比对" in page(steward, "/registers/matching")
    asked = {"dataset": "population.person", "left": "public_security", "right": "health"}
    assert steward.post("/registers/matching/compare", {**asked, "right": "public_security"}).status_code == 400
    # What has nothing that is only its own is said at once: the job could tell nobody.
    nothing = {"dataset": "legal_entities.enterprise", "left": "market", "right": "foreign"}
    assert "没有可比的" in steward.post("/registers/matching/compare", nothing).content.decode()
    assert not ProcrastinateJob.objects.exists()
    assert steward.post("/registers/matching/compare", asked).status_code == 303
    assert steward.post("/registers/matching/compare", asked).status_code == 409
    job = ProcrastinateJob.objects.get(task_name="chengyun.share.registers.tasks.compare_records")
    assert job.args == {**asked, "account": Account.objects.get(username__startswith="data_steward").pk}
    review.compare(SYSTEM, *asked.values())
    run = MatchRun.objects.get()
    truth = {f"HE{number:05d}": row.key for number, row in enumerate(known[:120])}
    proposed = run.candidates.filter(state="proposed")
    assert proposed.count() > 100
    assert all(truth[one.right_key] == one.left_key for one in proposed)
    one = proposed.first()
    assert one is not None
    assert {step["field"] for step in one.steps} >= {"prior", "name", "born"}
    assert sum(step["bits"] for step in one.steps) == pytest.approx(one.weight, abs=0.1)
    # One is doubted, looked at, merged, and the merge is taken back.
    run.candidates.filter(pk=one.pk).update(state="waiting")
    shown = page(steward, "/registers/matching")
    person = Person.objects.get(key=one.left_key)
    assert one.right_key in shown
    assert person.name not in shown
    assert "任意两条记录的起点" in shown
    assert steward.post(f"/registers/matching/{one.pk}/settle", {"same": "1", "because": " "}).status_code == 400
    assert steward.post(f"/registers/matching/{one.pk}/settle", {"same": "1", "because": "核对户口簿"}).status_code == 303
    assert leads_to("population.person", one.right_key) == one.left_key
    moved = steward.get(f"/e/population.person/{one.right_key}?purpose=quality")
    assert moved.status_code == 302
    assert moved["Location"] == f"/e/population.person/{one.left_key}?purpose=quality"
    assert steward.post(f"/registers/matching/{one.pk}/settle", {"same": "0", "because": "又"}).status_code == 409
    decision = Decision.objects.get()
    assert steward.post(f"/registers/decisions/{decision.pk}/undo").status_code == 303
    assert leads_to("population.person", one.right_key) == one.right_key
    one.refresh_from_db()
    assert one.state == "waiting"
    assert steward.post(f"/registers/matching/runs/{run.pk}/accept", {"because": "全部核对"}).status_code == 303
    assert run.candidates.filter(state="same").count() > 100
    # Nobody else comes in here.
    assert signed_in("department_clerk").get("/registers/matching").status_code == 404
    assert "一数一源" in page(signed_in("duty_officer"), "/registers")


@pytest.mark.django_db
def test_a_comparison_that_was_killed_is_in_the_list(city: float, signed_in: Callable[[str], Client], monkeypatch: Any) -> None:
    steward = signed_in("data_steward")
    account = Account.objects.get(username__startswith="data_steward")
    asked = {"dataset": "population.person", "left": "public_security", "right": "health", "account": account.pk}
    ended = subprocess.CompletedProcess([], -9, "", "")
    monkeypatch.setattr(tasks.subprocess, "run", lambda *_words, **_rest: ended)
    tasks.compare_records(**asked)
    assert MatchRun.objects.get().actor == actor_of_account(account).name
    assert "没有做完，原因见运行日志" in page(steward, "/registers/matching")

    def said_why(*_words: object, **_rest: object) -> subprocess.CompletedProcess[str]:
        review.came_to_nothing(SYSTEM, "population.person", "public_security", "health", "too_few_to_learn")
        return subprocess.CompletedProcess([], 1, "", "")

    monkeypatch.setattr(tasks.subprocess, "run", said_why)
    tasks.compare_records(**asked)
    assert sorted(MatchRun.objects.values_list("failed", flat=True)) == ["failed", "too_few_to_learn"]


@pytest.mark.django_db
def test_decimals_are_written_as_other_numbers(city: float, signed_in: Callable[[str], Client]) -> None:
    from chengyun.web.registers.panels import cell

    field = Enterprise._meta.get_field("capital")
    assert [cell(field, Decimal(text)) for text in ("5000000.00", "12.50", "0.00")] == ["5,000,000", "12.5", "0"]
