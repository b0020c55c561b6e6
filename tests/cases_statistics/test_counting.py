# SPDX-License-Identifier: Apache-2.0
"""The counts are what counting the cases gives: whatever happened to these, in sets or one by one, folded or not yet."""

from __future__ import annotations

import datetime as dt
import random
import threading
from collections import Counter, defaultdict

import psycopg
import pytest
from django.db import connection

from chengyun.access.actors import Actor
from chengyun.cases.models import Case
from chengyun.cases.rehearsal import history, write_history
from chengyun.cases.replay import load
from chengyun.cases.services import open_case, take_step
from chengyun.cases.statistics import folding, queries
from chengyun.cases.statistics.models import COUNTED, HOURS, Cell, Delta
from chengyun.cases.statistics.sheets import SHEETS
from chengyun.config import config
from chengyun.standards.times import parse_instant

TYPE = "urban_management.case"
AREAS = ["330203001", "330203002", "330212002", "330212002003", "3302", ""]
CATEGORIES = ["event/0102", "event/0104", "component/0101", "event/0401"]
START = dt.datetime(2025, 12, 24, tzinfo=dt.UTC)


def recounted() -> dict[tuple, Counter]:
    """Return every cell that should be, counted case by case and without a word of SQL."""
    zone, found = config().zone, defaultdict(Counter)
    for case in Case.objects.all():
        took = (case.closed_at - case.opened_at) if case.ended else None
        begun = Counter(opened=1, simulated=int(case.simulated), returned=int(case.returns > 0), reworked=int(case.rework > 0),
                        reopened=int(case.reopened > 0))  # fmt: skip
        days = [(case.opened_at, begun)]
        if took is not None and case.in_time is None:
            days.append((case.closed_at, Counter(dropped=1)))
        elif took is not None:
            slower = sum(took > dt.timedelta(hours=bound) for bound in HOURS)
            done = {"closed": 1, "in_time": int(case.in_time), f"h{slower}": 1}
            # Rounded half to even or up: to the second is what a sum of a year needs.
            days.append((case.closed_at, Counter(done | {"seconds": round(took.total_seconds())})))
        for moment, counts in days:
            day = moment.astimezone(zone).date()
            for sheet in SHEETS:
                key = (
                    sheet.number, case.type, day.replace(day=1) if sheet.monthly else day, case.area_code[: sheet.digits],
                    case.category if "category" in sheet.apart else "",
                    (case.department_id or 0) if "department" in sheet.apart else 0,
                    case.source if "source" in sheet.apart else "",
                )  # fmt: skip
                found[key].update(counts)
    return found


def kept() -> dict[tuple, Counter]:
    """Return every cell that is, with what waits to be folded."""
    found = defaultdict(Counter)
    for row in Cell.objects.values():
        key = (row["sheet"], row["type"], row["day"], row["area"], row["category"], row["department"], row["source"])
        found[key].update({name: row[name] for name in COUNTED})
    for row in Delta.objects.values():
        for sheet in SHEETS:
            day = row["day"].replace(day=1) if sheet.monthly else row["day"]
            key = (
                sheet.number, row["type"], day, row["area"][: sheet.digits],
                row["category"] if "category" in sheet.apart else "", row["department"] if "department" in sheet.apart else 0,
                row["source"] if "source" in sheet.apart else "",
            )  # fmt: skip
            found[key].update({name: row[name] for name in COUNTED})
    return found


def agree() -> None:
    expected, found = recounted(), kept()
    for key in expected.keys() | found.keys():
        for name in COUNTED:
            rounded = expected[key]["closed"] if name == "seconds" else 0
            assert found[key][name] == pytest.approx(expected[key][name], abs=rounded), (key, name)
    assert folding.check() == []


def live(rows, dice: random.Random) -> None:
    """Take the deeds of a history through the services, and change what only the desk changes."""
    numbers: dict[str, str] = {}
    for row in rows:
        now, who = parse_instant(row["at"]), Actor(None, row["actor"], None, frozenset({"system"}), ("",))
        if row["step"] == "open":
            case = open_case(
                TYPE, row["title"], who, now, category=row["category"], source=row["source"], area_code=row["area_code"],
                simulated=dice.random() < 0.3,
            )  # fmt: skip
            numbers[row["case"]] = case.number
            continue
        case = take_step(
            numbers[row["case"]], row["step"], who, now, reason=row.get("reason", ""), note=row.get("note", ""), lon=121.5,
            lat=29.8, owner=row.get("owner") or None, photos=[1] if row.get("photos") else (),
            until=parse_instant(row["until"]) if row.get("until") else None,
        )  # fmt: skip
        if case.ended and dice.random() < 0.3:
            take_step(case.number, "reopen", who, now + dt.timedelta(hours=1), reason="又坏了")
        elif dice.random() < 0.05:
            Case.objects.filter(pk=case.pk).update(area_code=dice.choice(AREAS), category=dice.choice(CATEGORIES))
        if dice.random() < 0.05:
            folding.fold(dice.choice([1, 7, 500]))


@pytest.mark.django_db(transaction=True)
def test_whatever_happens_the_counts_are_what_counting_gives(tmp_path):
    from .conftest import make_bodies

    owners = list(make_bodies())
    dice = random.Random(8)
    file = tmp_path / "year.csv"
    write_history(file, history(120, 3, owners, CATEGORIES, AREAS, START))
    assert load(file, TYPE, batch=50).rejected == 0
    assert Delta.objects.count() > 200
    agree()
    folding.fold(100)
    live(history(12, 4, owners, CATEGORIES, AREAS, START), dice)
    with_reopened = Case.objects.filter(reopened__gt=0).count()
    assert with_reopened > 0
    agree()

    # Two write while a third folds without a pause.
    over = threading.Event()

    def keep_folding() -> None:
        while not over.is_set():
            folding.fold(50)
        connection.close()

    def write(seed: int) -> None:
        live(history(6, seed, owners, CATEGORIES, AREAS, START), random.Random(seed))
        connection.close()

    threads = [threading.Thread(target=keep_folding), *(threading.Thread(target=write, args=(seed,)) for seed in (21, 22))]
    for one in threads:
        one.start()
    for one in threads[1:]:
        one.join()
    over.set()
    threads[0].join()
    assert Case.objects.count() == 144
    agree()

    # A fold and a writer are killed before they commit.
    load_more = tmp_path / "more.csv"
    write_history(load_more, history(20, 5, owners, CATEGORIES, AREAS, START))
    load(load_more, TYPE)
    waiting = Delta.objects.count()
    assert waiting
    with connection.cursor() as cursor:
        for statement, given in (
            (folding.FOLD, [10_000]), ("UPDATE cases_case SET category = 'event/0104', department_id = NULL", None),
        ):  # fmt: skip
            other = psycopg.connect(**{**connection.get_connection_params(), "cursor_factory": None, "context": None})
            other.execute(statement, given)
            cursor.execute("SELECT pg_terminate_backend(%s)", [other.info.backend_pid])
            with pytest.raises(psycopg.OperationalError):
                other.execute("COMMIT")
    assert Delta.objects.count() == waiting
    agree()

    assert folding.fold_all() == waiting
    assert not Delta.objects.exists()
    agree()
    bare = Case.objects.create(
        number="X", type=TYPE, state="void", ended=True, title="X", owner_id=Case.objects.first().owner_id, opened_at=START,
        due_at=START, closed_at=START,
    )  # fmt: skip
    agree()
    bare.delete()
    agree()

    # Counted anew it is the same; what is wrong is found and named.
    before = kept()
    assert folding.rebuild() == Case.objects.count()
    assert {key: +counts for key, counts in kept().items() if +counts} == {
        key: +counts for key, counts in before.items() if +counts
    }
    Cell.objects.filter(sheet=5, opened__gt=0).update(opened=77)
    wrong = folding.check()
    assert wrong
    assert all(one.cell[0] == 5 and set(one.off) == {"opened"} for one in wrong)
    folding.rebuild()
    agree()


@pytest.mark.django_db
def test_a_long_span_is_the_same_by_whole_months_and_the_days_beside_them(bodies, tmp_path, monkeypatch):
    file = tmp_path / "year.csv"
    write_history(file, history(150, 9, list(bodies), CATEGORIES, AREAS[:-2], START))
    load(file, TYPE)
    folding.fold(120)
    assert Cell.objects.exists()
    assert Delta.objects.exists()
    dice, actor = random.Random(5), Actor(None, "x", None, frozenset({"system"}), ("",))

    def asked() -> list:
        found = []
        for first in range(0, 300, 7):
            span = queries.Span(
                day := START.date() + dt.timedelta(days=first), day + dt.timedelta(days=dice.choice([0, 20, 40, 99]))
            )
            before = queries.Span(day - dt.timedelta(days=60), day + dt.timedelta(days=dice.choice([-1, 10])))
            by = ("category", "department", "source", "area")[first % 4]
            area = dice.choice(["", "330203", AREAS[0][:9]])
            found.append(queries.broken_down(actor, queries.Asked(area=area), "week", by, [span, before]))
            month = queries.Span(
                day.replace(day=1), (day.replace(day=1) + dt.timedelta(days=32)).replace(day=1) - dt.timedelta(days=1)
            )
            narrow = queries.Asked(
                area=area, category=dice.choice(CATEGORIES), department=dice.choice(list(bodies.values())).pk, source="hotline"
            )
            found.append(queries.series(actor, narrow, "month", [month]))
        return found

    kept = asked()
    monkeypatch.setattr(queries, "sheet_for", lambda _daily, _digits, _apart: None)
    dice.seed(5)
    assert asked() == kept
    parted = kept[::2]
    assert sum(bool(one) for (one,) in kept[1::2]) >= 3
    assert sum(row.now["opened"] for rows in parted for row in rows) > 200


def test_triggers_of_another_zone_are_made_anew(transactional_db):
    assert folding.ensure() is False
    with connection.cursor() as cursor:
        cursor.execute("COMMENT ON FUNCTION statistics_note() IS 'of before'")
    assert folding.ensure() is True
    assert folding.ensure() is False
