# SPDX-License-Identifier: Apache-2.0
"""Rows into another department's PostgreSQL: upserted by key, never over a newer version, so a repetition changes nothing.

<table>          _key (primary key), _version, _receipt, and the fields
<table>__anew    all of it, while it is pushed anew because the terms are others (reading.terms_of); then it takes the rows' place
"""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
from typing import Any

import msgspec
from django.db import transaction
from django.utils import timezone

from chengyun.access import audit
from chengyun.access.actors import Actor
from chengyun.access.keystore import keystore
from chengyun.access.policy import require
from chengyun.errors import NotFound, Problem, Refused, Unavailable
from chengyun.share.exchange import hooks, reading, receipts
from chengyun.share.exchange.hooks import Flow
from chengyun.share.exchange.models import Party, Target
from chengyun.share.exchange.parties import scope_of
from chengyun.share.exchange.serving import note_read, page_value

__all__ = ["add", "push", "push_all"]

PAGE = 1000
SEALED_BY = "exchange.targets"
ANEW = "__anew"

log = logging.getLogger(__name__)


def add(actor: Actor, name: str, party: Party, dataset: str, purpose: str, address: str, table: str) -> Target:
    """Note where a party's rows go. address: SQLAlchemy's, postgresql+psycopg://…; kept sealed by the keystore."""
    require(actor, "federation.manage")
    if not address.startswith(("postgresql+psycopg://", "postgresql://")):
        raise Refused("The address is not of a PostgreSQL: postgresql+psycopg://user:password@host/database.", code="address")
    if not table.replace("_", "a").isalnum() or not table.isascii() or not table.islower() or len(table) > 63:
        raise Refused(f"table is {table[:63]!r}, expected small letters, digits and underscores.", code="table")
    scope_of(party, dataset, purpose)
    sealed = keystore().seal(SEALED_BY, address.replace("postgresql://", "postgresql+psycopg://", 1).encode(), name)
    with transaction.atomic():
        made = Target.objects.create(name=name, party=party, dataset=dataset, purpose=purpose, address=sealed, table=table)
        audit.record(actor, "exchange.target", dataset, name)
    return made


def push_all() -> int:
    """Push to every target what it lacks; return how many rows went."""
    pushed = 0
    for one in Target.objects.select_related("party__organisation"):
        try:
            pushed += push(one)
        except Problem as wrong:
            _failed(one, wrong, wrong.sentence)
        except Exception as wrong:
            log.exception("target %s could not be pushed to", one.name)
            _failed(one, wrong, "It could not be pushed to; see the log.")
    return pushed


def _failed(target: Target, wrong: Exception, reason: str) -> None:
    Target.objects.filter(pk=target.pk).update(reason=reason[:300])
    # It is tried every minute: told of is the first time.
    if not target.reason:
        hooks.tell(_flow(target, timezone.now(), fault=type(wrong).__name__))


def _flow(target: Target, began: dt.datetime, **said: Any) -> Flow:
    return Flow(
        way="push", name=target.name, with_whom=target.party.organisation.key, dataset=target.dataset, purpose=target.purpose,
        began=began, ended=timezone.now(), **said,
    )  # fmt: skip


def push(target: Target) -> int:
    """Bring a target to the newest version; return how many rows went. Raises Unavailable when it is away."""
    sqlalchemy = _sqlalchemy()
    scope = scope_of(target.party, target.dataset, target.purpose)
    engine = sqlalchemy.create_engine(
        keystore().unseal(SEALED_BY, target.address, target.name).decode(), connect_args={"connect_timeout": 10}
    )
    shown = reading.columns_of(scope, target.dataset)
    try:
        reading.require_terms(scope, shown, target.terms, target.version)
        since, table = target.version or None, target.table
    except Refused:
        since, table = None, f"{target.table[:57]}{ANEW}"
    pushed, after, as_of, began = 0, None, None, timezone.now()
    try:
        if table != target.table:
            with engine.begin() as connection:
                connection.execute(sqlalchemy.schema.DropTable(sqlalchemy.Table(table, sqlalchemy.MetaData()), if_exists=True))
        while True:
            page = reading.rows(
                scope, target.dataset, after=after, since_version=since, as_of=as_of, limit=PAGE
            )  # fmt: skip
            as_of = page.as_of
            if page.rows or table != target.table:
                receipt = _receipt(target, scope, page, first=after is None)
                _write(sqlalchemy, engine, table, page, receipt)
                pushed += len(page.rows)
            after = page.next
            if after is None:
                break
        if table != target.table:
            _put_in_place(sqlalchemy, engine, target.table, table)
    except sqlalchemy.exc.SQLAlchemyError as wrong:
        raise Unavailable(f"The database of {target.name} did not take the rows: {type(wrong).__name__}.") from None
    except NotFound:
        raise Refused(f"Nothing of {target.dataset} is granted to {target.party} any more.", code="grant") from None
    finally:
        engine.dispose()
    # After the target has committed: what is killed between is pushed once more, and changes nothing there.
    with transaction.atomic():
        Target.objects.filter(pk=target.pk).update(
            version=as_of, terms=reading.terms_of(scope, shown), pushed_at=timezone.now(), reason=""
        )
        if pushed:
            masked = scope.masked([one.name for one in page.fields])
            hooks.tell(_flow(target, began, columns=page.fields, masked=masked, rows=pushed))
    return pushed


def _receipt(target: Target, scope: Any, page: reading.Page, *, first: bool) -> str:
    body = msgspec.json.encode(page_value(target.dataset, target.purpose, page), enc_hook=str)
    with transaction.atomic():
        note_read(scope, page, first=first)
        issued = receipts.issue(
            receipts.Draft(
                way="push", party=target.party, consumer=target.party.organisation.key, dataset=target.dataset,
                purpose=target.purpose, fields=[one.name for one in page.fields], grants=scope.grants, rows=len(page.rows),
                digest=hashlib.sha256(body).hexdigest(), size=len(body), as_of=page.as_of,
            ),
            timezone.now(),
        )  # fmt: skip
    return issued.number


def _write(sqlalchemy: Any, engine: Any, name: str, page: reading.Page, receipt: str) -> None:
    from sqlalchemy.dialects.postgresql import JSONB, insert

    kinds = {
        "text": sqlalchemy.Text, "integer": sqlalchemy.BigInteger, "number": sqlalchemy.Double, "decimal": sqlalchemy.Numeric,
        "boolean": sqlalchemy.Boolean, "date": sqlalchemy.Date, "instant": sqlalchemy.DateTime(timezone=True), "json": JSONB,
    }  # fmt: skip
    table = sqlalchemy.Table(
        name, sqlalchemy.MetaData(), sqlalchemy.Column("_key", sqlalchemy.Text, primary_key=True),
        sqlalchemy.Column("_version", sqlalchemy.BigInteger, nullable=False), sqlalchemy.Column("_receipt", sqlalchemy.Text),
        *(sqlalchemy.Column(one.name, kinds[one.type]) for one in page.fields),
    )  # fmt: skip
    names = [one.name for one in page.fields]
    texts = {one.name for one in page.fields if one.type == "text"}

    def flat(row: reading.Row) -> dict[str, Any]:
        told = {name: row.values.get(name) for name in names}
        told |= {name: str(told[name]) for name in texts if told[name] is not None}
        return {**told, "_key": row.key, "_version": row.version or page.as_of, "_receipt": receipt}

    kept = [flat(one) for one in page.rows if not one.removed]
    gone = [{"gone": one.key, "number": one.version} for one in page.rows if one.removed]
    with engine.begin() as connection:
        table.create(connection, checkfirst=True)
        if kept:
            fresh = insert(table)
            values = {one: fresh.excluded[one] for one in ("_version", "_receipt", *names)}
            newer = table.c._version < fresh.excluded._version
            connection.execute(fresh.on_conflict_do_update(index_elements=["_key"], set_=values, where=newer), kept)
        if gone:
            lost = table.delete().where(
                table.c._key == sqlalchemy.bindparam("gone"), table.c._version < sqlalchemy.bindparam("number")
            )
            connection.execute(lost, gone)


def _put_in_place(sqlalchemy: Any, engine: Any, name: str, fresh: str) -> None:
    """Let what was pushed anew take the place of a table's rows, at one moment; views and rights on the table stay."""
    with engine.begin() as connection:
        came = sqlalchemy.Table(fresh, sqlalchemy.MetaData(), autoload_with=connection)
        held = sqlalchemy.Table(name, sqlalchemy.MetaData(), autoload_with=connection)
        connection.execute(held.delete())
        for one in came.columns:
            column, kind = connection.dialect.identifier_preparer.quote(one.name), one.type.compile(connection.dialect)
            if one.name not in held.c:
                connection.exec_driver_sql(f'ALTER TABLE "{name}" ADD COLUMN {column} {kind}')
            elif held.c[one.name].type.compile(connection.dialect) != kind:
                connection.exec_driver_sql(f'ALTER TABLE "{name}" ALTER COLUMN {column} TYPE {kind} USING NULL')
        held = sqlalchemy.Table(name, sqlalchemy.MetaData(), autoload_with=connection)
        names = [one.name for one in came.columns]
        connection.execute(sqlalchemy.insert(held).from_select(names, sqlalchemy.select(came)))
        came.drop(connection)


def _sqlalchemy() -> Any:
    try:
        import sqlalchemy
    except ImportError as absent:
        raise Refused("Pushing into databases needs the extra `databases`: install chengyun[databases].") from absent
    return sqlalchemy
