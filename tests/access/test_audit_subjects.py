# SPDX-License-Identifier: Apache-2.0
"""Whose rows a reading showed: kept with the record, bound into its chain, and only ever added to."""

from __future__ import annotations

import uuid

import pytest
from django.db import Error, connection, transaction

from chengyun.access import audit, subjects
from chengyun.access.actors import SYSTEM
from chengyun.access.models import AuditRecord
from chengyun.share.ledger import tree

PEOPLE = "population.person"


@pytest.fixture
def reads(transactional_db: None) -> list[int]:
    """Three readings, committed one by one: of nobody, of one person, of seven."""
    return [
        audit.record(SYSTEM, "read", PEOPLE, "list", "statistics"),
        audit.record(SYSTEM, "read", PEOPLE, "p1", "case", subjects=[(PEOPLE, "p1")], fields=["phone", "name", "name"]),
        audit.record(SYSTEM, "read", PEOPLE, "list", "case", subjects=((PEOPLE, f"p{n}") for n in (1, 2, 3, 4, 5, 6, 7, 7))),
    ]


def test_each_person_is_noted_once(reads: list[int]) -> None:
    detail = AuditRecord.objects.get(pk=reads[1]).detail
    assert detail["fields"] == ["name", "phone"]
    assert detail["subjects"]["count"] == 1
    assert "subjects" not in AuditRecord.objects.get(pk=reads[0]).detail
    kept = dict(subjects.kept(reads[0], reads[2]))
    assert {record: len(ids) for record, ids in kept.items()} == {reads[1]: 1, reads[2]: 7}
    assert kept[reads[1]] == [subjects.subject_id(PEOPLE, "p1")]
    assert subjects.subject_id(PEOPLE, "p1") != subjects.subject_id("other.person", "p1")
    assert isinstance(audit.verify(), audit.Head)


ONE = str(subjects.subject_id(PEOPLE, "p1"))
OTHER = str(uuid.UUID(int=subjects.subject_id(PEOPLE, "p1").int ^ 1))
TAMPERING = {
    "a bit of a person": f"UPDATE access_auditsubject SET subject = '{OTHER}' WHERE subject = '{ONE}' AND record_id = %(many)s",
    "a person taken out": f"DELETE FROM access_auditsubject WHERE subject = '{ONE}' AND record_id = %(many)s",
    "everybody taken out": "DELETE FROM access_auditsubject WHERE record_id = %(many)s",
    "a person added": f"INSERT INTO access_auditsubject VALUES ('{OTHER}', %(many)s)",
    "a person added to a reading of nobody": f"INSERT INTO access_auditsubject VALUES ('{OTHER}', %(none)s)",
    "a person moved elsewhere": "UPDATE access_auditsubject SET record_id = %(none)s WHERE record_id = %(one)s",
    "the root": "UPDATE access_auditrecord SET detail = jsonb_set(detail, '{subjects,root}', '\"00\"') WHERE id = %(many)s",
    "the nonce": "UPDATE access_auditrecord SET detail = jsonb_set(detail, '{subjects,nonce}', '3') WHERE id = %(many)s",
    "a person without any record": f"INSERT INTO access_auditsubject VALUES ('{OTHER}', %(many)s + 100000)",
}  # fmt: skip


def test_the_database_refuses_every_change_and_a_change_past_it_is_found(reads: list[int]) -> None:
    for deed in (
        "UPDATE access_auditsubject SET record_id = 1",
        "DELETE FROM access_auditsubject",
        "TRUNCATE access_auditsubject",
    ):
        with pytest.raises(Error, match="only ever added to"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(deed)
    numbers = dict(zip(("none", "one", "many"), reads, strict=True))
    found = {}
    for name, deed in TAMPERING.items():
        with connection.cursor() as cursor:
            cursor.execute("BEGIN; SET LOCAL session_replication_role = replica")
            cursor.execute(deed, numbers)
            assert cursor.rowcount >= 1
            found[name] = audit.verify()
            cursor.execute("ROLLBACK")
    assert [name for name, one in found.items() if not isinstance(one, audit.Break)] == []
    assert isinstance(audit.verify(), audit.Head)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 8, 13, 64, 100])
def test_the_root_is_that_of_the_logs_trees(count: int) -> None:
    ids = sorted(uuid.uuid4() for _ in range(count))
    nonce = bytes(range(16))
    hashes = [tree.leaf_hash(subjects.leaf(one, nonce)) for one in ids]

    def read(node: tree.Node) -> bytes:
        if node.level == 0:
            return hashes[node.index]
        return tree.node_hash(
            read(tree.Node(node.level - 1, node.index * 2)), read(tree.Node(node.level - 1, node.index * 2 + 1))
        )

    assert subjects.root(ids, nonce) == (tree.value(tree.root_of(0, count), read) if count else tree.EMPTY)


def test_what_is_rolled_back_showed_nobody(db: None) -> None:
    with transaction.atomic():
        record = audit.record(SYSTEM, "read", PEOPLE, subjects=[(PEOPLE, "p9")])
        transaction.set_rollback(True)
    assert list(subjects.kept(record, record)) == []
