# SPDX-License-Identifier: Apache-2.0
"""Real requests of two other cities become history through the way every history comes in; what they publish is reproduced."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from django.conf import settings

from chengyun.access.models import Organisation
from chengyun.cases.models import Case, CaseEvent, ReplayReject
from chengyun.cli import main
from chengyun.protocols.open311 import history

BOSTON = "data/cases-boston-311/boston_311_2015_jan_aug.csv.gz"
CHICAGO = "data/cases-open311-chicago/open311_requests_with_notes.json"


@pytest.fixture
def centre(db):
    return Organisation.objects.create(key="operations_centre", name="中心", kind="centre")


def test_the_published_totals_are_reproduced(shared):
    rows = list(history.boston_rows(shared / BOSTON))
    counted = {column: len({row[column] for row in rows} - {""}) for column in ("type", "department", "queue", "neighborhood")}
    assert counted == {"type": 157, "department": 17, "queue": 144, "neighborhood": 23}
    assert (min(row["open_dt"] for row in rows)[:10], max(row["open_dt"] for row in rows)[:10]) == ("2015-01-01", "2015-08-31")
    found = history.verdicts(rows)
    assert (found.rows, found.backwards) == (81_408, 175)
    assert (found.same, found.closed) == (53_300, 53_300)  # 100.00 % of those the city judged
    assert found.unjudged == 80


def test_every_category_of_the_mapping_is_in_the_catalogue(shared):
    scheme = settings.CITY.scheme("urban_management.case")
    known = scheme.catalogue("CJ/T 214-2007")
    counts = Counter(history.category_of(row["reason"], row["type"]) for row in history.boston_rows(shared / BOSTON))
    assert set(counts) - {""} <= set(known)
    assert counts[""] / counts.total() < 0.3  # inspections of buildings and flats, comments, calls: no 事件 or 部件


def test_a_part_of_boston_comes_in_and_what_could_not_have_been_is_told(shared, centre, tmp_path, capsys):
    import csv
    import gzip

    rows = [row for number, row in enumerate(history.boston_rows(shared / BOSTON)) if number % 40 == 0]
    backwards = [row for row in history.boston_rows(shared / BOSTON) if row["closed_dt"] and row["closed_dt"] < row["open_dt"]]
    rows = list({row["case_id"]: row for row in [*rows, *backwards[:20]]}.values())
    path = tmp_path / "part.csv.gz"
    with gzip.open(path, "wt", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    assert main(["open311", "load", str(path), "--from", "boston"]) == 0
    said = capsys.readouterr().out
    left_out = [row for row in rows if history.impossible(row)]
    assert len(left_out) >= 20
    assert said.count("before it was opened") == len(left_out)
    assert not ReplayReject.objects.exists()
    assert Case.objects.count() == len(rows) - len(left_out)
    assert Case.objects.filter(ended=True).count() == sum(bool(row["closed_dt"]) for row in rows) - len(left_out)
    one = next(row for row in rows if row["type"] == "Street Light Outages" and row["closure"] == "Case Resolved")
    case = Case.objects.get(evidence__case=one["case_id"])
    assert (case.category, case.state, case.department.key) == ("component/0118", "closed", "boston_pwdx")
    assert case.opened_at == history.dt.datetime.fromisoformat(history.boston_deeds(one)[0]["at"])
    main(["open311", "load", str(path), "--from", "boston"])
    assert Case.objects.count() == len(rows) - len(left_out)


def test_chicago_comes_in_with_every_note(shared, centre):
    requests = json.loads((shared / CHICAGO).read_text())
    assert main(["open311", "load", str(shared / CHICAGO), "--from", "chicago"]) == 0
    assert Case.objects.count() == len(requests) == 50
    notes = [note for request in requests for note in request["notes"]]
    assert len(notes) == 276
    steps = CaseEvent.objects.filter(transition="progress")
    assert steps.count() == sum(note["type"] not in ("opened", "closed") for note in notes)
    closed = sum(request["status"] == "closed" for request in requests)
    assert Case.objects.filter(ended=True).count() == closed
