# SPDX-License-Identifier: Apache-2.0
"""What pages show is what counting the cases gives, for whoever looks, and each number leads to the cases it counts."""

from __future__ import annotations

import datetime as dt
import io
import random
import re
import zipfile
from collections import Counter

import pytest
from django.conf import settings
from django.http import QueryDict
from django.test import Client

from chengyun.access.actors import Actor, Post
from chengyun.access.models import Account, Assignment
from chengyun.cases.models import Case
from chengyun.cases.queries import count_cases
from chengyun.cases.rehearsal import history, write_history
from chengyun.cases.replay import load
from chengyun.cases.statistics import folding, queries
from chengyun.cases.statistics.models import COUNTED, HOURS
from chengyun.cases.statistics.queries import Asked, Counts, Span
from chengyun.config import config
from chengyun.web.desk.narrowed import read_narrowed
from chengyun.web.statistics import asking, pages
from chengyun.web.statistics.drawing import trend

TYPE = "urban_management.case"
AREAS = ["330203001", "330203002", "330212002", "330212002003", ""]
CATEGORIES = ["event/0102", "event/0104", "component/0101", "event/0401"]
START = dt.datetime(2025, 6, 1, tzinfo=dt.UTC)
TODAY = dt.date(2026, 11, 22)


@pytest.fixture
def cases(bodies, tmp_path) -> list[Case]:
    file = tmp_path / "year.csv"
    write_history(file, history(150, 5, list(bodies), CATEGORIES, AREAS, START))
    assert load(file, TYPE).rejected == 0
    folding.fold(130)  # the rest is read from the notes
    return list(Case.objects.all())


def officer(*areas: str) -> Actor:
    return Actor(None, "值班", "operations_centre", frozenset({"duty_officer"}), areas,
                 tuple(Post("duty_officer", area=area) for area in areas))  # fmt: skip


def facts_of(case: Case) -> list[tuple[dt.date, Counter]]:
    """Return what a case counts for, each with its local day; reckoned once, asked for hundreds of times."""
    if not hasattr(case, "facts"):
        begun = Counter(opened=1, returned=case.returns > 0, reworked=case.rework > 0, reopened=case.reopened > 0)
        facts = [(case.opened_at, begun)]
        if case.ended and case.in_time is None:
            facts.append((case.closed_at, Counter(dropped=1)))
        elif case.ended:
            took = case.closed_at - case.opened_at
            slower = sum(took > dt.timedelta(hours=bound) for bound in HOURS)
            facts.append((case.closed_at, Counter(closed=1, in_time=case.in_time) + Counter({f"h{slower}": 1})))
        case.facts = [(moment.astimezone(config().zone).date(), counts) for moment, counts in facts]
    return case.facts


def added(cases: list[Case], key, actor: Actor, asked: Asked, span: Span) -> dict[object, Counter]:
    """Count case by case. key: of a case and its local day."""
    found: dict[object, Counter] = {}
    seen = queries.areas_of(actor)
    for case in cases:
        if not any(case.area_code.startswith(prefix) for prefix in seen.get(case.type, ())):
            continue
        wanted = {"category": case.category, "department": case.department_id, "source": case.source}
        if not case.area_code.startswith(asked.area) or any(wanted[name] != value for name, value in asked.narrowed.items()):
            continue
        for day, counts in facts_of(case):
            if span.first <= day <= span.last:
                found.setdefault(key(case, day), Counter()).update(counts)
    return found


def same(counts: dict[object, Counts], expected: dict[object, Counter]) -> None:
    found = {key: {name: one[name] for name in COUNTED if one[name] and name != "seconds"} for key, one in counts.items()}
    wanted = {key: {name: value for name, value in one.items() if value} for key, one in expected.items()}
    assert {key: one for key, one in found.items() if one} == {key: one for key, one in wanted.items() if one}


def test_every_question_is_answered_as_by_counting(cases, bodies, monkeypatch):
    dice = random.Random(3)
    actors = [officer(""), officer("330203"), officer("330212002"), officer("330212002003"), officer("330203001", "330212")]
    keys = {
        "day": lambda _case, day: day, "week": lambda _case, day: day - dt.timedelta(days=day.weekday()),
        "month": lambda _case, day: day.replace(day=1),
    }  # fmt: skip
    seen, coarser = Counter(), Counter()
    for _ in range(150):
        actor = dice.choice(actors)
        asked = Asked(
            (TYPE,), dice.choice(["", "", "330203", "330212002", "330212002003"]), dice.choice(["", "", *CATEGORIES]),
            dice.choice([None, None, *(one.pk for one in bodies.values())]), dice.choice(["", "", "patrol", "hotline"]),
        )  # fmt: skip
        by = dice.choice(["area", "category", "department", "source"])
        first = dt.date(2025, 6, 1) + dt.timedelta(days=dice.randrange(300))
        span = Span(first, first + dt.timedelta(days=dice.randrange(10, 200)))
        monkeypatch.setattr(queries, "MOST_READ", dice.choice([10, 10_000]))
        wanted = dice.choice(["day", "week", "month"])
        grain = queries.grain_for(actor, asked, wanted, by, [span])
        coarser[grain != wanted] += 1
        if grain == "month":
            span = queries._months(span)
        seen[grain] += 1
        (found,) = queries.series(actor, asked, grain, [span])
        same(found, added(cases, keys[grain], actor, asked, span))
        digits = 6 if len(asked.area) < 6 else 9 if len(asked.area) < 9 else 12
        by_key = {
            "area": lambda case, _day, digits=digits: case.area_code[:digits], "category": lambda case, _day: case.category,
            "department": lambda case, _day: case.department_id or 0, "source": lambda case, _day: case.source,
        }  # fmt: skip
        earlier = Span(span.first.replace(year=span.first.year - 1), span.last.replace(day=28, year=span.last.year - 1))
        if grain == "month":
            earlier = queries._months(earlier)
        rows = queries.broken_down(actor, asked, grain, by, [span, earlier])
        same({row.key: row.now for row in rows}, added(cases, by_key[by], actor, asked, span))
        same({row.key: row.then for row in rows}, added(cases, by_key[by], actor, asked, earlier))
        ever = added(cases, lambda _case, _day: 1, actor, asked, Span(dt.date(1900, 1, 1), dt.date(2999, 1, 1))).get(1, Counter())
        assert queries.backlog(actor, asked) == ever["opened"] - ever["closed"] - ever["dropped"]
    assert min(seen.values()) > 20
    assert coarser[True] > 10


def test_a_day_of_two_spans_counts_in_both(cases):
    actor, asked = officer(""), Asked((TYPE,))
    now, then = Span(dt.date(2025, 1, 1), dt.date(2026, 11, 22)), Span(dt.date(2024, 1, 1), dt.date(2025, 11, 22))
    for grain in ("day", "month"):
        both = queries.series(actor, asked, grain, [now, then])
        assert both == [queries.series(actor, asked, grain, [span])[0] for span in (now, then)]
        assert both[1]
    rows = queries.broken_down(actor, asked, "month", "area", [now, then])
    alone = {row.key: row.now for row in queries.broken_down(actor, asked, "month", "area", [then])}
    assert {row.key: row.then for row in rows if row.then.of} == alone


def test_who_sees_no_cases_counts_none(cases):
    nobody = Actor(None, "访客", None, frozenset(), ())
    assert queries.series(nobody, Asked(), "month", [Span(dt.date(2025, 1, 1), TODAY)]) == [{}]
    assert queries.broken_down(nobody, Asked(), "month", "area", [Span(dt.date(2025, 1, 1), TODAY)]) == []
    assert queries.backlog(nobody, Asked()) == 0


def test_each_number_leads_to_the_cases_it_counts(cases):
    actor = officer("")
    page = pages.read_page(actor, {"first": "2025-06-01", "last": "2026-05-31", "type": TYPE, "by": "category"})

    def listed(href: str) -> int:
        given = QueryDict(href)
        kind = given.get("show", "")
        filters = read_narrowed(given).filters
        return count_cases(
            actor, ended=None if kind == "all" else kind in ("done", "late"), types=[TYPE], done=kind in ("done", "late"),
            in_time=False if kind == "late" else None, **filters,
        )  # fmt: skip

    assert sum(line.now["opened"] for line in page.lines) == 150
    for line in page.lines:
        assert listed(line.opened) == line.now["opened"]
        assert listed(line.closed) == line.now["closed"]
    for step in page.steps:
        assert (listed(step.opened), listed(step.closed)) == (step.now["opened"], step.now["closed"])
    opened, closed, in_time, *_rest, open_now = page.figures
    assert listed(opened.href) == opened.value == 150
    assert listed(closed.href) == closed.value
    assert listed(in_time.href) == closed.value - sum(step.now["in_time"] for step in page.steps)
    assert listed(open_now.href) == open_now.value


def test_periods_and_what_they_are_compared_with():
    def question(**given: str) -> asking.Question:
        return asking.read_question(given, {TYPE: ("",)}, TODAY)

    usual = question()
    assert (usual.grain, usual.span) == ("month", Span(dt.date(2025, 12, 1), TODAY))
    assert usual.then == Span(dt.date(2024, 12, 1), dt.date(2025, 11, 22))
    assert question(compare="year").then == Span(dt.date(2024, 12, 1), dt.date(2025, 11, 22))
    february = question(first="2025-02-01", last="2025-02-28", compare="year")
    assert february.then == Span(dt.date(2024, 2, 1), dt.date(2024, 2, 29))
    month = question(first="2026-02-10", last="2026-02-20")
    assert month.span == Span(dt.date(2026, 2, 1), dt.date(2026, 2, 28))
    assert month.then == Span(dt.date(2026, 1, 1), dt.date(2026, 1, 31))
    assert question(first="2026-03-01", last="2026-03-05", compare="none").then is None
    days = question(grain="day", first="2026-11-01", last="2026-11-10")
    assert days.then == Span(dt.date(2026, 10, 22), dt.date(2026, 10, 31))
    weeks = question(grain="week", first="2026-11-04", last="2026-11-10")
    assert weeks.span == Span(dt.date(2026, 11, 2), dt.date(2026, 11, 15))
    assert weeks.then == Span(dt.date(2026, 10, 19), dt.date(2026, 11, 1))
    assert question(grain="week", first="2026-11-04", last="2026-11-10", compare="year").then.first.weekday() == 0
    longer = question(grain="day", first="2025-11-01", last="2026-11-10")
    assert (longer.grain, longer.coarser) == ("week", True)
    assert question(grain="day", first="1900-01-01").grain == "month"
    assert len(asking.steps(question(first="1900-01-01").span, "month")) <= 240
    assert question(first="2026-11-20", last="2026-01-01").span.first == dt.date(2026, 1, 1)
    assert question(last="2999-01-01").span.last == TODAY


def test_the_median_is_within_its_class():
    counts = Counts({"closed": 10, "h0": 2, "h1": 8, "seconds": 86400})
    assert counts.median_days == pytest.approx((4 + 20 * 3 / 8) / 24)
    assert counts.days == pytest.approx(0.1)
    assert Counts({"h9": 3}).median_days == 60
    assert Counts().median_days is None
    assert Counts().share_in_time is None


def test_the_picture_shows_the_largest_whole():
    drawn = trend([0, 130], [20, 10], [None, 40], ["a", "b"])
    assert drawn.ticks[-1][1] == "160"
    assert [bar.height for bar in drawn.bars] == [0, 130]
    assert drawn.lines == ()
    assert trend([], [], [], []).bars == ()


@pytest.fixture
def client(bodies) -> Client:
    person = Account.objects.create(username="duty", name="值班", organisation=bodies["enforcement"].parent)
    Assignment.objects.create(account=person, role="duty_officer", since=START)
    found = Client()
    found.force_login(person, backend=settings.AUTHENTICATION_BACKENDS[0])
    return found


def test_the_page_its_file_and_the_public_one(client, cases):
    address = "/statistics?first=2025-06-01&last=2026-05-31&type=urban_management.case"
    text = client.get(address).content.decode()
    for part in ("案件统计", "环比", "海曙" if "海曙" in text else "330203", "按期结案率", "<rect", 'href="/cases?'):
        assert part in text
    links = re.findall(r'href="(/cases\?[^"]+)"', text)
    listed = client.get(links[0].replace("&amp;", "&")).content.decode()
    assert "按统计所选" in listed
    assert "立案于 2025-06-01 – 2026-05-31" in listed
    assert "共 150 条" in listed
    for by in ("category", "department", "source"):
        assert client.get(f"{address}&by={by}&grain=week&compare=year").status_code == 200
    file = client.get(f"/statistics.xlsx?{address.split('?')[1]}")
    assert file.status_code == 200
    assert b"xl/workbook.xml" in zipfile.ZipFile(io.BytesIO(file.content)).namelist()[0].encode() or file.content[:2] == b"PK"
    assert client.get("/statistics?first=soon").status_code == 400
    assert client.get("/statistics?area=%27;&category=%00x&department=9999999999999999999&grain=hour").status_code == 200
    assert client.get("/cases?department=x&opened_from=2026-01-01&area=../").status_code == 200
    assert client.get("/cases?opened_from=never").status_code == 400
    english = client.get(address, headers={"Accept-Language": "en"})
    assert english.status_code == 200
    assert "按期结案率" in Client().get("/reports/statistics").content.decode()
    assert Client().get("/statistics").status_code in (302, 303)
