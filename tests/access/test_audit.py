# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import threading

import pytest
from django.db import Error, connection, connections, transaction

from chengyun.access import audit
from chengyun.access.actors import ANONYMOUS, SYSTEM
from chengyun.access.models import AuditRecord
from chengyun.cli import main


@pytest.fixture
def chain(transactional_db: None) -> list[int]:
    """Five records, committed one by one; returns their numbers."""
    for index in range(5):
        audit.record(SYSTEM, "test.deed", "alerts", target=f"第{index}件", detail={"index": index, "who": "张三", "ratio": 0.1})
    return list(AuditRecord.objects.order_by("-id").values_list("id", flat=True)[:5])[::-1]


def test_a_whole_chain_is_found_whole(chain: list[int]) -> None:
    head = audit.verify()
    assert isinstance(head, audit.Head)
    assert head.number >= 5
    assert audit.verify(head) == head


@pytest.mark.parametrize(
    "deed",
    [
        "UPDATE access_auditrecord SET actor = actor", "DELETE FROM access_auditrecord", "TRUNCATE access_auditrecord CASCADE",
        "UPDATE access_auditlink SET hash = hash", "DELETE FROM access_auditlink", "TRUNCATE access_auditlink",
    ],
)  # fmt: skip
def test_the_database_itself_refuses_every_change(chain: list[int], deed: str) -> None:
    with pytest.raises(Error, match="only ever added to"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(deed)


def test_nobody_forges_a_link(chain: list[int]) -> None:
    with pytest.raises(Error, match="made by the database alone"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("INSERT INTO access_auditlink VALUES (999999, %s, sha256('x'))", [chain[0]])


TAMPERING = {
    "a byte": "UPDATE access_auditrecord SET target = '第2 件' WHERE id = %s",
    "a number in the detail": "UPDATE access_auditrecord SET detail = jsonb_set(detail, '{ratio}', '0.2') WHERE id = %s",
    "the time by a microsecond": "UPDATE access_auditrecord SET at = at + interval '1 microsecond' WHERE id = %s",
    "who it was": "UPDATE access_auditrecord SET actor = 'nobody' WHERE id = %s",
    "a record": "DELETE FROM access_auditrecord WHERE id = %s",
    "a link and its record": "WITH gone AS (DELETE FROM access_auditrecord WHERE id = %s RETURNING id) "
    "DELETE FROM access_auditlink USING gone WHERE record_id = gone.id",
    "a hash": "UPDATE access_auditlink SET hash = sha256('x') WHERE record_id = %s",
}


@pytest.mark.parametrize("deed", TAMPERING.values(), ids=TAMPERING)
def test_the_first_broken_record_is_named(chain: list[int], deed: str, capsys: pytest.CaptureFixture[str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT number FROM access_auditlink WHERE record_id = %s", [chain[2]])
        (number,) = cursor.fetchone()
    try:
        with connection.cursor() as cursor:
            cursor.execute("BEGIN; SET LOCAL session_replication_role = replica")
            cursor.execute(deed, [chain[2]])
        found = audit.verify()
        assert main(["audit", "verify"]) == 1
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ROLLBACK")
    assert isinstance(found, audit.Break)
    assert found.number == number
    assert found.sentence in capsys.readouterr().out


def test_a_record_slipped_in_without_the_triggers_is_named(chain: list[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("BEGIN; SET LOCAL session_replication_role = replica")
        cursor.execute("INSERT INTO access_auditrecord (actor, action) VALUES ('x', 'y') RETURNING id")
        (slipped,) = cursor.fetchone()
        found = audit.verify()
        cursor.execute("ROLLBACK")
    assert isinstance(found, audit.Break)
    assert found.record == slipped


def test_a_cut_off_end_shows_against_a_head_kept_elsewhere(chain: list[int]) -> None:
    head = audit.verify()
    assert isinstance(head, audit.Head)
    with connection.cursor() as cursor:
        cursor.execute("BEGIN; SET LOCAL session_replication_role = replica")
        cursor.execute("DELETE FROM access_auditlink WHERE record_id = %s", [chain[4]])
        cursor.execute("DELETE FROM access_auditrecord WHERE id = %s", [chain[4]])
        unaware, aware = audit.verify(), audit.verify(head)
        cursor.execute("ROLLBACK")
    assert isinstance(unaware, audit.Head)
    assert isinstance(aware, audit.Break)
    assert "cut off" in aware.sentence


def test_what_is_rolled_back_was_not_done(transactional_db: None) -> None:
    before = audit.verify()
    with transaction.atomic():
        audit.record(SYSTEM, "test.undone", "alerts")
        transaction.set_rollback(True)
    assert audit.verify() == before


def test_writers_side_by_side_make_one_chain(transactional_db: None) -> None:
    before = audit.verify()
    assert isinstance(before, audit.Head)
    faults: list[Exception] = []

    def write(writer: int) -> None:
        try:
            for index in range(20):
                with transaction.atomic():
                    audit.record(ANONYMOUS, "test.race", "alerts", target=f"{writer}/{index}")
                    audit.record(ANONYMOUS, "test.race", "alerts", target=f"{writer}/{index}/again")
        except Exception as wrong:
            faults.append(wrong)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=write, args=[writer]) for writer in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    after = audit.verify(before)
    assert not faults
    assert isinstance(after, audit.Head)
    assert after.number == before.number + 6 * 20 * 2
