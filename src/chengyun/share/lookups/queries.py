# SPDX-License-Identifier: Apache-2.0
"""Reading who looked: the looks at a resident's rows, newest first, and the proof of one of them."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import connection
from django.utils.translation import gettext as _

from chengyun.access import subjects
from chengyun.access.keystore import public_keys
from chengyun.access.models import Organisation
from chengyun.access.rulebook import rulebook
from chengyun.city import City
from chengyun.errors import NotFound
from chengyun.share import ledger
from chengyun.share.ledger.queries import entry_named
from chengyun.share.ledger.tree import Node as TreeNode
from chengyun.share.ledger.tree import inclusion_of, leaf_hash, node_hash, root_of, value
from chengyun.share.lookups.models import Identity
from chengyun.share.lookups.statements import COLUMNS, Statement, of_row
from chengyun.share.lookups.withheld import withheld
from chengyun.share.registers.links import Meanings

# The primary key of access_auditsubject gives a person's records newest first, so a page costs a page, however many there are.
_LOOKS = """
SELECT r.id, r.at, r.account_id, r.action, r.dataset, r.organisation, r.purpose, r.detail, s.subject
FROM access_auditsubject s JOIN access_auditrecord r ON r.id = s.record_id
WHERE s.subject = ANY(%(subjects)s::uuid[]) AND s.record_id < %(before)s
  AND (%(since)s::timestamptz IS NULL OR r.at >= %(since)s) AND (%(until)s::timestamptz IS NULL OR r.at < %(until)s)
  AND (%(organisation)s = '' OR r.organisation = %(organisation)s) AND (%(purpose)s = '' OR r.purpose = %(purpose)s)
  AND NOT EXISTS (
    SELECT FROM unnest(%(secret)s::text[], %(told)s::timestamptz[]) AS w (purpose, told)
    WHERE w.purpose = r.purpose AND r.at >= w.told
  )
ORDER BY s.record_id DESC LIMIT %(count)s
"""
_ONE = f"SELECT {COLUMNS} FROM access_auditrecord r JOIN access_auditlink l ON l.record_id = r.id WHERE r.id = %s"  # noqa: S608  constant
_BODIES = """
SELECT DISTINCT r.organisation FROM access_auditsubject s JOIN access_auditrecord r ON r.id = s.record_id
WHERE s.subject = ANY(%(subjects)s::uuid[]) AND s.record_id > %(after)s
  AND NOT EXISTS (
    SELECT FROM unnest(%(secret)s::text[], %(told)s::timestamptz[]) AS w (purpose, told)
    WHERE w.purpose = r.purpose AND r.at >= w.told
  )
"""
LAST = 2**62
RECENT_RECORDS = 50_000_000
"""How far back the filter's list of bodies looks: it is a convenience, the filter itself has no bound."""


@dataclass(frozen=True, slots=True)
class Look:
    """One read of the resident's row. organisation, purpose, dataset, fields: as people read them. own: by the resident.

    grants: numbers of what allowed it; empty: the body's own task. body: key of the organisation.
    """

    record: int
    at: dt.datetime
    body: str
    organisation: str
    purpose: str
    deed: str
    dataset: str
    fields: tuple[str, ...]
    grants: tuple[str, ...]
    own: bool
    subject: uuid.UUID

    @property
    def key_text(self) -> str:
        return str(self.record)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a resident filters by; "" and None: everything. before: a record's number, of the last page's last look."""

    since: dt.datetime | None = None
    until: dt.datetime | None = None
    organisation: str = ""
    purpose: str = ""
    before: int = LAST


def identities(account_id: int | None) -> list[Identity]:
    """Return the rows an account may ask about."""
    return list(Identity.objects.filter(account_id=account_id, until=None)) if account_id else []


def looks(about: Sequence[Identity], asked: Asked, now: dt.datetime, limit: int = 50) -> list[Look]:
    """Return the looks at a resident's rows, newest first, without those that are not told yet."""
    if not about:
        return []
    given: dict[str, Any] = {
        **_about(about, now), "before": asked.before, "since": asked.since, "until": asked.until, "count": limit,
        "organisation": asked.organisation, "purpose": asked.purpose,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_LOOKS, given)
        rows = cursor.fetchall()
    bodies = names_of({row[5] for row in rows})
    own = {one.account_id for one in about}
    return [_look(row, bodies, own) for row in rows]


def bodies(about: Sequence[Identity], now: dt.datetime) -> dict[str, str]:
    """Return the organisations behind the looks that are told, key → name."""
    newest = _one_value("SELECT coalesce(max(record_id), 0) FROM access_auditlink")
    with connection.cursor() as cursor:
        cursor.execute(_BODIES, {**_about(about, now), "after": newest - RECENT_RECORDS})
        return names_of({row[0] for row in cursor.fetchall()} - {""})


def names_of(keys: set[str]) -> dict[str, str]:
    """Return organisations' names; a key that is gone is its own name."""
    known = dict(Organisation.objects.filter(key__in=keys).values_list("key", "name"))
    return {key: known.get(key, key) for key in sorted(keys)}


def proof(about: Sequence[Identity], record: int, now: dt.datetime, most: int | None = None) -> dict[str, Any]:
    """Return what proves a look: the statement, that the resident is in it, that it is in the log, and the log's signed head.

    most: persons a record may have shown, for whoever makes many proofs at once: each of them is hashed.
    Raises NotFound for a look that is none of theirs, or is not told yet, or does not stand in the log yet.
    """
    found = looks(about, Asked(before=record + 1), now, 1)
    if not found or found[0].record != record:
        raise NotFound(_("没有这条查看记录。"))
    with connection.cursor() as cursor:
        cursor.execute(_ONE, [record])
        row = cursor.fetchone()
    not_yet = NotFound(_("这条记录尚未写入日志，请一分钟后再试。"))
    if row is None:
        raise not_yet
    statement = of_row(row)
    if most is not None and statement.said["persons"]["count"] > most:
        raise NotFound(_("这次查看涉及的人数很多，请单独下载这一条的证明。"))
    try:
        entry = entry_named("audit", str(record))
    except NotFound:
        raise not_yet from None
    head = ledger.head("audit")
    if entry.index is None or head is None or head.size <= entry.index:
        raise not_yet
    path = ledger.inclusion("audit", entry.index, head.size)
    keys = {jwk["kid"]: jwk for jwk in public_keys("node")}
    return {
        "head": head.note,
        "key": keys[head.key_id],
        "log": {"index": path.index, "size": path.size, "hashes": [one.hex() for one in path.hashes]},
        "person": _person(statement, record, found[0].subject),
        "statement": dict(statement.said),
    }


def _person(statement: Statement, record: int, subject: uuid.UUID) -> dict[str, Any]:
    """Return the path from a person's leaf to the root the statement names."""
    ids = next(ids for _record, ids in subjects.kept(record, record))
    hashes = [leaf_hash(subjects.leaf(one, statement.nonce)) for one in ids]
    known: dict[TreeNode, bytes] = {}

    def read(node: TreeNode) -> bytes:
        if node.level == 0:
            return hashes[node.index]
        if node not in known:
            below = node.level - 1
            known[node] = node_hash(read(TreeNode(below, 2 * node.index)), read(TreeNode(below, 2 * node.index + 1)))
        return known[node]

    index = ids.index(subject)
    path = [value(tree, read).hex() for tree in inclusion_of(index, len(ids))]
    if value(root_of(0, len(ids)), read).hex() != statement.said["persons"]["root"]:
        raise NotFound(_("这条记录的人员名单已被改动，无法证明；请告知审计管理员。"))
    return {"leaf": subjects.leaf(subject, statement.nonce).hex(), "index": index, "size": len(ids), "hashes": path}


def _look(row: tuple[Any, ...], bodies: Mapping[str, str], own: set[int]) -> Look:
    record, at, account, action, dataset, organisation, purpose, detail, subject = row
    told = detail if isinstance(detail, dict) else _json(detail)
    book = rulebook()
    named = _(book.datasets[dataset].name) if dataset in book.datasets else dataset
    why = _(book.purposes[purpose]) if purpose in book.purposes else purpose
    labels = field_names(dataset)
    fields = tuple(_(labels.get(one, one)) for one in told.get("fields", ()))
    # Who reads at the machine itself has no account, and no body.
    body = bodies.get(organisation, organisation) or (_("市级平台运维（命令行）") if account is None else "")
    return Look(
        record, at, organisation, body, why, _deed(action, told.get("way", "")), named, fields, tuple(told.get("grants", ())),
        account is not None and account in own, subject,
    )  # fmt: skip


def _deed(action: str, way: str) -> str:
    if way in ("exchange", "file", "changes", "subscription"):
        return _("共享")
    return {"read": _("查看"), "export": _("导出"), "form.prefill": _("预填表单时读取")}.get(action, action)


def field_names(dataset: str) -> dict[str, str]:
    """Return what a register's fields are called."""
    city: City = settings.CITY
    if dataset not in city.entities:
        return {}
    label = city.packs[dataset.split(".")[0]].module.rsplit(".", 1)[1]
    model = apps.get_model(label, city.entities[dataset].model)
    return {one.name: str(one.verbose_name) for one in model._meta.concrete_fields}


def _about(about: Sequence[Identity], now: dt.datetime) -> dict[str, Any]:
    """Return whose looks are asked for, under every key that means the same person; and since when withheld ones are not told."""
    secret = withheld()
    return {
        "subjects": [
            subjects.subject_id(one.dataset, key)
            for one in about
            for key in sorted(Meanings.read(one.dataset, [one.key]).keys)
        ],
        "secret": list(secret), "told": [now - delay for delay in secret.values()],
    }  # fmt: skip


def _json(text: str) -> dict[str, Any]:
    import json

    return dict(json.loads(text))


def _one_value(sql: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return int(cursor.fetchone()[0])
