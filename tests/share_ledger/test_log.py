# SPDX-License-Identifier: Apache-2.0
"""Logs in the database: what is appended, sequenced, proved, and refused."""

from __future__ import annotations

import hashlib
import random
import threading

import pytest
from django.db import DatabaseError, connection, transaction

from chengyun.access.keystore import signing_key, verify
from chengyun.errors import NotFound
from chengyun.share import ledger
from chengyun.share.ledger import queries, verifier
from chengyun.share.ledger import services as ledger_services
from chengyun.share.ledger.checks import check
from chengyun.share.ledger.tree import leaf_hash

pytestmark = pytest.mark.django_db(transaction=True)


def fill(count: int, log: str = "audit") -> queries.Entry:
    """Append so many leaves and sequence them; return the last."""
    from chengyun.share.ledger.services import append_many

    append_many(log, [("", f"leaf {i}".encode()) for i in range(count)])
    head = ledger.sequence(log)
    return queries.entry(log, head.size - 1)


def test_a_leaf_is_proved_in_every_later_tree_and_trees_only_grow() -> None:
    first = fill(3)
    old = ledger.head("audit")
    assert old is not None
    fill(600)
    new = ledger.head("audit")
    assert new is not None
    assert new.size == old.size + 600
    for size, root in ((old.size, old.root), (new.size, new.root)):
        proof = ledger.inclusion("audit", first.index, size)
        assert verifier._root_from(leaf_hash(first.leaf), proof.index, size, list(proof.hashes)) == root
        assert proof.rows_read <= 12
    proof = ledger.consistency("audit", old.size, new.size)
    assert verifier._is_prefix(old.size, old.root, new.size, new.root, list(proof.hashes))
    assert check("audit").holds
    body, _, signature = new.note.rpartition("\n\n")
    import base64

    signed = base64.b64decode(signature.split(" ")[2])
    assert verify(signing_key().public, f"{body}\n".encode(), signed[4:])
    assert new.key_id == signing_key().key_id


def test_what_is_said_together_has_places_of_its_own() -> None:
    start = fill(1).index + 1
    then = "INSERT INTO told SELECT added.id FROM added"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE told (id bigint) ON COMMIT DROP")
        ledger_services.append_together("audit", [b"one", b"", b"three" * 3000], then, [])
        ledger_services.append("audit", b"by itself")
        ledger_services.append_together("audit", [b"alone together"], then, [])
        cursor.execute("SELECT id FROM told ORDER BY id")
        first, last = (row[0] for row in cursor.fetchall())
    said = [b"one", b"", b"three" * 3000, b"by itself", b"alone together"]
    assert queries.part("audit", first, 3).index is None
    head = ledger.sequence("audit")
    assert head.size == start + len(said)
    for skipped in range(len(said)):
        found = queries.entries("audit", start + skipped, 2)
        assert [(one.index, one.leaf) for one in found] == list(enumerate(said, start=start))[skipped : skipped + 2]
    assert [queries.part("audit", first, at).leaf for at in (1, 2, 3)] == said[:3]
    assert queries.part("audit", last, 1).index == head.size - 1
    for number, place in ((first, 0), (first, 4), (last, 2)):
        with pytest.raises(NotFound):
            queries.part("audit", number, place)
    with pytest.raises(NotFound):
        queries.entry("audit", head.size)
    proof = ledger.inclusion("audit", start + 2, head.size)
    assert verifier._root_from(leaf_hash(said[2]), proof.index, proof.size, list(proof.hashes)) == head.root
    assert check("audit").holds
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE ledger_entry DISABLE TRIGGER ledger_keep")
            cursor.execute("UPDATE ledger_entry SET ends[1] = 2 WHERE id = %s", [first])
        found = check("audit")
        transaction.set_rollback(True)
    assert (found.holds, found.index) == (False, start)


def test_what_is_rolled_back_was_not_said_and_nothing_waiting_makes_no_new_head() -> None:
    fill(1)
    before = ledger.sequence("audit")
    with transaction.atomic():
        ledger.append("audit", b"never")
        transaction.set_rollback(True)
    assert ledger.sequence("audit") == before


def test_two_who_sequence_at_once_give_each_entry_one_place() -> None:
    start = ledger.sequence("audit").size
    for i in range(40):
        ledger.append("audit", f"both {i}".encode())

    def run() -> None:
        try:
            ledger.sequence("audit")
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(3)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert ledger.sequence("audit").size == start + 40
    assert [one.leaf for one in queries.entries("audit", start, 100)] == [f"both {i}".encode() for i in range(40)]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_entry SET leaf = 'x'", "DELETE FROM ledger_entry", "TRUNCATE ledger_entry CASCADE",
        "UPDATE ledger_place SET index = index + 1", "DELETE FROM ledger_place", "DELETE FROM ledger_tile",
        "UPDATE ledger_tile SET hashes = substring(hashes FROM 1 FOR 32)", "UPDATE ledger_tile SET number = number + 1",
        "UPDATE ledger_tile SET hashes = sha256(hashes)", "UPDATE ledger_head SET size = size + 1", "DELETE FROM ledger_head",
        "TRUNCATE ledger_head", "TRUNCATE ledger_tile",
    ],
)  # fmt: skip
def test_the_database_refuses_to_change_a_log(statement: str) -> None:
    fill(2)
    with pytest.raises(DatabaseError, match="is refused"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_who_gets_past_the_triggers_is_found() -> None:
    last = fill(5)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE ledger_entry DISABLE TRIGGER ledger_keep")
            cursor.execute("UPDATE ledger_entry SET leaf = 'forged' WHERE id = %s", [last.number])
        found = check("audit")
        transaction.set_rollback(True)
    assert not found.holds
    assert found.index == last.index
    assert "is not what was written" in found.sentence
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE ledger_entry DISABLE TRIGGER ledger_keep")
            cursor.execute("DELETE FROM ledger_entry WHERE id = %s", [last.number])
        found = check("audit")
        transaction.set_rollback(True)
    assert (found.holds, found.index, found.sentence) == (False, last.index, f"Entry {last.index} of audit is gone.")
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE ledger_tile DISABLE TRIGGER ledger_grow")
            cursor.execute(
                "UPDATE ledger_tile SET hashes = overlay(hashes placing sha256('x') from 1) WHERE row = 0 AND number = 0"
            )
        found = check("audit")
        transaction.set_rollback(True)
    assert not found.holds
    assert check("audit").holds


def root_of(hashes: list[bytes]) -> bytes:
    """The root by the words of RFC 9162, 2.1.1."""
    if len(hashes) == 1:
        return hashes[0]
    left = 1 << (len(hashes) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + root_of(hashes[:left]) + root_of(hashes[left:])).digest()


def test_rows_of_one_leaf_and_of_many_empty_ones_too_stand_in_the_order_in_which_they_were_said() -> None:
    chance = random.Random(9)
    size = fill(1).index + 1
    said = [one.leaf for one in queries.entries("audit", 0, size)]
    then = "INSERT INTO told SELECT added.id FROM added"
    for rows in (1, 3, 450):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("CREATE TEMP TABLE told (id bigint) ON COMMIT DROP")
            for _ in range(rows):
                leaves = [chance.randbytes(chance.choice([0, 0, 1, 7, 300])) for _ in range(chance.choice([1, 1, 2, 5]))]
                if len(leaves) > 1 or chance.random() < 0.5:
                    ledger_services.append_together("audit", leaves, then, [])
                else:
                    ledger_services.append("audit", leaves[0])
                said += leaves
        head = ledger.sequence("audit")
        assert head.size == len(said)
        assert head.root == root_of([hashlib.sha256(b"\0" + one).digest() for one in said])
        assert check("audit").holds
    assert [one.leaf for one in queries.entries("audit", 0, len(said))] == said
