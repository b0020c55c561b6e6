# SPDX-License-Identifier: Apache-2.0
"""Recorded history in sets: the same rows as step by step, nothing half, nothing twice, and what is wrong told by its line."""

from __future__ import annotations

import datetime as dt

import pytest

from chengyun.access import audit
from chengyun.access.actors import Actor
from chengyun.access.models import AuditRecord
from chengyun.cases import replay as replays
from chengyun.cases.models import Case, CaseClock, CaseEvent, CaseStage, Replay, ReplayReject
from chengyun.cases.rehearsal import history, write_history
from chengyun.cases.replay import load
from chengyun.cases.services import open_case, take_step
from chengyun.errors import NotFound, Refused
from chengyun.standards.times import parse_instant

TYPE = "urban_management.case"
START = dt.datetime(2025, 12, 1, tzinfo=dt.UTC)
UNLIKE = {"id", "case_id", "case", "number", "stage_id", "evidence", "account_id", "record_id", "at_written"}


def made(cases: int, seed: int = 7):
    categories = ["event/0102", "event/0104", "component/0101", "event/0401"]
    return history(
        cases, seed, ["enforcement", "environment", "environment_330203"], categories, ["330203001", "330212002"], START
    )


@pytest.fixture
def file(tmp_path, bodies):
    path = tmp_path / "year.csv"
    write_history(path, made(60))
    return path


def one_by_one(rows) -> None:
    """Take the same deeds through the services."""
    numbers: dict[str, str] = {}
    for row in rows:
        now = parse_instant(row["at"])
        who = Actor(None, row["actor"], None, frozenset({"system"}), ("",))
        place = {name: float(row[name]) for name in ("lon", "lat") if row.get(name)}
        if row["step"] == "open":
            case = open_case(
                TYPE, row["title"], who, now, category=row["category"], source=row["source"], area_code=row["area_code"], **place
            )
            numbers[row["case"]] = case.number
            continue
        take_step(
            numbers[row["case"]], row["step"], who, now, reason=row.get("reason", ""), note=row.get("note", ""),
            owner=row.get("owner") or None, photos=row["photos"].split(";") if row.get("photos") else (), **place,
            until=parse_instant(row["until"]) if row.get("until") else None,
        )  # fmt: skip


_before = {"audit": 0}
"""The last audit record before a test: nobody can delete those that others left."""


@pytest.fixture(autouse=True)
def since(db: None) -> None:
    _before["audit"] = AuditRecord.objects.order_by("-id").values_list("id", flat=True).first() or 0


def rows_of(cases: list[Case]) -> list:
    """Return everything that was written of cases, but for ids and numbers."""
    found = []
    for case in cases:
        parts = [
            Case.objects.filter(pk=case.pk), CaseClock.objects.filter(case=case),
            CaseStage.objects.filter(case=case).order_by("id"),
            CaseEvent.objects.filter(case=case).order_by("id"),
        ]  # fmt: skip
        for part in parts:
            found += [{key: value for key, value in row.items() if key not in UNLIKE} for row in part.values()]
        found += list(
            AuditRecord.objects.filter(target=case.number, id__gt=_before["audit"])
            .order_by("id")
            .values("actor", "action", "dataset", "detail")
        )
        assert CaseStage.objects.get(pk=case.stage_id).left_at is None
    return found


def test_sets_leave_the_rows_that_single_steps_leave(file):
    loaded = load(file, TYPE, batch=25)
    assert (loaded.cases, loaded.rejected) == (60, 0)
    in_sets = list(Case.objects.order_by("id"))
    one_by_one(made(60))
    singly = list(Case.objects.order_by("id"))[60:]
    assert len(singly) == 60
    for one, other in zip(in_sets, singly, strict=True):
        assert rows_of([one]) == rows_of([other])
    assert {case.evidence["case"] for case in in_sets} == {f"7-{number:07d}" for number in range(60)}


@pytest.mark.django_db(transaction=True)
def test_the_audit_chain_holds_over_a_replay(transactional_db, file):
    load(file, TYPE)
    steps = CaseEvent.objects.count()
    assert AuditRecord.objects.filter(dataset="cases", id__gt=_before["audit"]).count() == steps
    assert audit.verify().number >= steps


def test_a_replay_cut_off_goes_on_behind_its_last_batch(file, monkeypatch):
    write = replays._write
    calls = []

    def dies_at_the_third(*given):
        calls.append(given)
        if len(calls) == 3:
            raise KeyboardInterrupt
        write(*given)

    monkeypatch.setattr(replays, "_write", dies_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        load(file, TYPE, batch=20)
    assert Case.objects.count() == 40
    monkeypatch.setattr(replays, "_write", write)
    assert load(file, TYPE, batch=20).cases == 60
    assert load(file, TYPE).cases == Case.objects.count() == 60
    of_2026 = Case.objects.filter(number__startswith="2026").order_by("number").values_list("number", flat=True)
    numbers = [int(number[-6:]) for number in of_2026]
    # A sequence does not go back with a transaction: other tests' numbers of the year may stand before.
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_a_batch_that_fails_leaves_nothing(file, monkeypatch):
    def broken(*_given):
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(
        replays, "_ids", lambda table, count, real=replays._ids: broken() if "stage" in table else real(table, count)
    )
    with pytest.raises(RuntimeError):
        load(file, TYPE)
    assert (Case.objects.count(), Replay.objects.get().lines) == (0, 0)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"step": "close"}, "close starts from to_close, the case is reported"),
        ({"step": "fly"}, "'fly' is not a step"),
        ({"at": "2025-11-01T00:00:00+00:00"}, "is before the step before it"),
        ({"at": "yesterday"}, "is not a time"),
        ({"lon": "east"}, "could not convert"),
        ({"step": "decline", "reason": ""}, "without reason"),
        ({"step": "accept"}, "is not open to a case from hotline"),
        ({"step": "merge_reported"}, "a merger is not read"),
    ],
)
def test_a_case_with_an_impossible_line_is_left_out_and_told_with_the_line(bodies, tmp_path, change, said):
    good = {
        "case": "a",
        "at": "2026-01-05T01:00:00+00:00",
        "step": "open",
        "title": "甲",
        "source": "hotline",
        "lon": "121",
        "lat": "29",
    }
    next_line = {"case": "a", "at": "2026-01-05T02:00:00+00:00", "step": "ask_verification", "reason": "转核实", **change}
    path = tmp_path / "few.csv"
    write_history(path, iter([good, next_line, {**good, "case": "b"}]))
    loaded = load(path, TYPE)
    assert (loaded.cases, loaded.rejected) == (1, 1)
    reject = ReplayReject.objects.get()
    assert (reject.line, reject.case) == (3, "a")
    assert said in reject.reason


def test_what_else_is_refused(bodies, tmp_path):
    path = tmp_path / "few.csv"
    opened = {"case": "a", "at": "2026-01-05T01:00:00+00:00", "step": "open"}
    write_history(
        path, iter([opened, {**opened, "case": "b", "step": "close"}, opened, {**opened, "case": "c", "category": "event/9999"}])
    )
    load(path, TYPE)
    assert [(it.line, it.case) for it in ReplayReject.objects.all()] == [(3, "b"), (4, "a"), (5, "c")]
    with pytest.raises(NotFound):
        load(path, "urban_management.cases", name="x")
    path.write_text("case,step\n", "utf-8")
    with pytest.raises(Refused, match="no column at"):
        load(path, TYPE, name="y")


def test_compressed_history_is_read_as_plain(bodies, tmp_path):
    import gzip

    import zstandard

    plain = tmp_path / "a.csv"
    write_history(plain, made(3))
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(plain.read_bytes()))
    (tmp_path / "c.csv.zst").write_bytes(zstandard.compress(plain.read_bytes()))
    assert [load(tmp_path / name, TYPE).cases for name in ("a.csv", "b.csv.gz", "c.csv.zst")] == [3, 3, 3]
