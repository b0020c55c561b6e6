# SPDX-License-Identifier: Apache-2.0
"""What a deed costs the deeds beside it, and what is on disk when it is acknowledged."""

from __future__ import annotations

import contextlib
from typing import Any

import psycopg
import pytest
from django.db import DataError, connection, transaction
from tests.cases.conftest import NOW

from chengyun.access import audit
from chengyun.access.actors import SYSTEM
from chengyun.access.commits import let_go_early
from chengyun.cases.models import Case
from chengyun.cases.prepared import ask
from chengyun.cases.services import open_case, take_step

WRITTEN, ON_DISK = (f"SELECT pg_current_wal_{word}_lsn() - '0/0'::pg_lsn" for word in ("insert", "flush"))


def _asked(text: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(text)
        return cursor.fetchone()[0]


def _opened(title: str = "井盖破损") -> Case:
    return open_case("urban_management.case", title, SYSTEM, NOW, category="event/0104", source="patrol", area_code="330203001")


@pytest.mark.django_db(transaction=True)
def test_a_deed_is_on_disk_when_it_is_acknowledged_and_lets_go_before(bodies: Any) -> None:
    behind = []
    for _ in range(5):
        between: list[tuple[Any, Any]] = []
        with transaction.atomic():
            # Runs when the commit is over and its locks are gone; the wait for the disk comes after it.
            transaction.on_commit(lambda into=between: into.append((_asked(WRITTEN), _asked(ON_DISK))))
            case = _opened()
            take_step(case, "accept", SYSTEM, NOW)
            assert len(connection.run_on_commit) == 2  # one wait for both
        ((written, on_disk),) = between
        assert _asked(ON_DISK) >= written
        behind.append(on_disk < written)
    assert any(behind)  # what writes the log in the background may be faster once, not five times
    assert isinstance(audit.verify(), audit.Head)


@pytest.mark.django_db(transaction=True)
def test_a_deed_taken_back_leaves_the_commit_as_it_was(bodies: Any) -> None:
    with transaction.atomic():
        with contextlib.suppress(ZeroDivisionError), transaction.atomic():
            _opened()
            assert _asked("SHOW synchronous_commit") == "off"
            raise ZeroDivisionError
        assert _asked("SHOW synchronous_commit") == "on"
    assert _asked("SHOW synchronous_commit") == "on"


@pytest.mark.django_db(transaction=True)
def test_outside_a_transaction_nothing_would_wait(bodies: Any) -> None:
    with pytest.raises(RuntimeError, match="nothing would wait"):
        let_go_early()


def test_the_statements_of_a_step_are_planned_once(bodies: Any) -> None:
    before = _kept()
    for at in range(3):
        take_step(_opened(f"第 {at} 件"), "accept", SYSTEM, NOW)
    kept = _kept()
    assert sum(runs - before.get(text, 0) for text, runs in kept.items() if "cases_casestage SET left_at" in text) == 3
    assert sum("cases_casestage SET left_at" in text for text in kept) == 1


def test_opening_a_case_reads_none_of_those_that_are_open(bodies: Any) -> None:
    """What boards remember of a case is found by its number, also by a plan made while nothing was remembered."""
    for at in range(20):
        _opened(f"第 {at} 件")
    before = _remembered_read()
    take_step(_opened("又一件"), "accept", SYSTEM, NOW)
    assert _remembered_read() - before <= 4


def _remembered_read() -> int:
    with connection.cursor() as cursor:
        cursor.execute("""
            SELECT coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables
            WHERE relname = 'boards_remembered'
        """)
        return int(cursor.fetchone()[0])


def _kept() -> dict[str, int]:
    """Return the statements this connection keeps, each with how often it was run."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement, generic_plans + custom_plans FROM pg_prepared_statements")
        return dict(cursor.fetchall())


@pytest.mark.django_db(transaction=True)
def test_a_read_is_asked_again_where_the_connection_has_gone(db: Any) -> None:
    """As after the database was started anew: what is asked first opens another connection."""
    opened: Any = connection
    opened.ensure_connection()
    former = opened.connection.info.backend_pid
    opened.health_check_enabled, opened.health_check_done = True, False
    with psycopg.connect(opened.connection.info.dsn, password=opened.connection.info.password, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [former])
    assert ask("SELECT %s::int", [7]) == [(7,)]
    assert opened.connection.info.backend_pid != former
    opened.health_check_done = False
    assert ask("SELECT %s::int", [8]) == [(8,)]
    assert opened.health_check_done
    with pytest.raises(DataError):
        ask("SELECT %s::int", ["x"])
    with transaction.atomic():
        assert ask("SELECT %s::int", [9]) == [(9,)]
