# SPDX-License-Identifier: Apache-2.0
"""The second wall: grants as row-level security of PostgreSQL, for bodies that read our database as a database.

    role chengyun_x_health            a body's; it signs in, and reads views of its own grants alone
      └─ view exchange.g20260001      security_barrier, owned by ↓, so its plan knows no statistics of other rows
           └─ role chengyun_g20260001 nobody signs in as it; column privileges, and a policy on the table for its rows
                └─ register           row-level security; a policy asks access_grant_stands(id) at every statement

One view is one grant, so fields of one never meet rows of another, and the purpose is the view's name. Rows come from the same
predicate as everywhere, written out; masks are SQL (sql_masks.py). What SQL cannot say, pseudonyms above all, is looked up in
a list of the grant's own, which only the view's owner reads: a value that is not on it yet is hidden until the next sync.

    view ── masked column ── exchange.g20260001_shown    field, digest of the value → what is shown for it

Not behind this door: data about persons (who was read must be written down), grants with a ceiling (reads of a view are not
counted), and datasets that are no register: streams lie sealed in the lake, and a table would show their newest days as if
they were all.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import connection, models, transaction
from psycopg import sql

from chengyun.access import audit, grants, masks
from chengyun.access.actors import SYSTEM
from chengyun.access.models import Grant
from chengyun.access.predicates import Nothing, Predicate, as_sql
from chengyun.access.rulebook import Facts, rulebook
from chengyun.access.sql_masks import masked
from chengyun.errors import Refused

__all__ = ["Stood", "let_in", "role_of_body", "role_of_grant", "sync", "view_of"]

SCHEMA = "exchange"
MARK = "chengyun exchange"
"""Written on every role made here: none other is ever dropped."""

LISTED_AT_ONCE = 5_000

MADE = """
SELECT rolname FROM pg_roles r JOIN pg_shdescription d ON d.objoid = r.oid AND d.classoid = 'pg_authid'::regclass
WHERE d.description = %s ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class Stood:
    """What the wall has: views by grant; made, dropped: what changed. left_out: grants that have none, with why."""

    views: tuple[str, ...]
    made: tuple[str, ...]
    dropped: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class _Column:
    """A field as a view shows it. mask: kind, "" for in clear. shown: the SQL of what is shown; None: looked up in the list."""

    field: models.Field[Any, Any]
    mask: str
    shown: sql.Composable | None

    @property
    def name(self) -> sql.Identifier:
        return sql.Identifier(str(self.field.column))


@dataclass(frozen=True, slots=True)
class _Wanted:
    grant: Grant
    table: str
    columns: tuple[_Column, ...]
    rows: Predicate


def role_of_grant(number: str) -> str:
    """Return the role that owns a grant's view. A cluster may hold several cities: the database's name is in it."""
    return _short(f"{_database()}_{number.lower()}")


def role_of_body(key: str) -> str:
    """Return the role a body signs in as."""
    return _short(f"{_database()}_x_{key.lower().replace('-', '_')}")


def view_of(number: str) -> str:
    """Return a grant's view, without its schema."""
    return number.lower()


def sync() -> Stood:
    """Bring roles, policies, privileges and views in step with the grants in force; all of it or nothing.

    Raises Refused where the database's user may not make roles.
    """
    wanted, left_out = _wanted()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = current_user")
        if not cursor.fetchone()[0]:
            raise Refused(
                "The database's user may not make roles. Give it CREATEROLE, or leave the second wall down.", code="no_roles"
            )
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('access.wall', 0))")
        cursor.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(SCHEMA)))
        cursor.execute(sql.SQL("REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC").format(sql.Identifier(_database(raw=True))))
        before = _views(cursor)
        for name in before:
            _drop(cursor, name)
        for one in wanted:
            _make(cursor, one)
        _forget_bodies(cursor, {role_of_body(one.grant.organisation.key) for one in wanted if one.grant.organisation})
        now = {view_of(one.grant.number) for one in wanted}
        made, dropped = sorted(now - before), sorted(before - now)
        if made or dropped:
            audit.record(SYSTEM, "wall.sync", "accounts", detail={"made": made, "dropped": dropped})
    return Stood(tuple(sorted(now)), tuple(made), tuple(dropped), tuple(left_out))


def let_in(key: str) -> tuple[str, str]:
    """Return a body's role and a new password for it, the only time it is seen. Raises Refused for one without a view."""
    role, password = role_of_body(key), secrets.token_urlsafe(24)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s AND rolcanlogin", [role])
        if cursor.fetchone() is None:
            raise Refused(f"{key!r} has no grant that can be read in the database. See `chengyun wall sync`.", code="no_view")
        cursor.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(password)))
        audit.record(SYSTEM, "wall.let_in", "accounts", key)
    return role, password


def _wanted() -> tuple[list[_Wanted], list[tuple[str, str]]]:
    found, left_out = [], []
    for grant in Grant.objects.filter(grants.in_force()).exclude(number="").select_related("organisation").order_by("id"):
        facts = rulebook().datasets.get(grant.dataset)
        why = _why_not(grant, facts)
        if why or facts is None:
            left_out.append((grant.number, why))
            continue
        rows = grants.rows_of(grant, facts, [""])
        if isinstance(rows, Nothing):
            left_out.append((grant.number, "it reaches no row"))
            continue
        model = _register(grant.dataset)
        found.append(_Wanted(grant, model._meta.db_table, _columns(grant, facts, model), rows))
    return found, left_out


def _why_not(grant: Grant, facts: Facts | None) -> str:
    if facts is None:
        return "its dataset is gone"
    if facts.kind != "entity":
        return "only registers stand whole in the database; streams lie in the lake"
    if grant.organisation is None:
        return "it names a role, and a database knows bodies"
    if facts.personal:
        return "it is about persons, and who was read must be written down"
    if grant.frequency is not None:
        return "its reads are counted"
    return grants.changed(grant, facts)


def _columns(grant: Grant, facts: Facts, model: Any) -> tuple[_Column, ...]:
    kinds, only = grants.masks_of(grant, facts)
    found = []
    for field in model._meta.concrete_fields:
        if field.name == "id" or (only is not None and field.name not in only):
            continue
        name, mask = sql.Identifier("r", str(field.column)), kinds.get(field.name, "")
        found.append(_Column(field, mask, masked(mask, name, field) if mask else name))
    return tuple(found)


def _register(dataset: str) -> Any:
    return apps.get_model(dataset.split(".")[0], settings.CITY.entities[dataset].model)


def _make(cursor: Any, one: _Wanted) -> None:
    grant = one.grant
    assert grant.organisation is not None  # _why_not; mypy
    owner, body, view = role_of_grant(grant.number), role_of_body(grant.organisation.key), view_of(grant.number)
    _role(cursor, owner, login=False)
    _role(cursor, body, login=True)
    names: dict[str, Any] = {
        "owner": sql.Identifier(owner), "body": sql.Identifier(body), "view": sql.Identifier(SCHEMA, view),
        "table": sql.Identifier(one.table), "schema": sql.Identifier(SCHEMA), "policy": sql.Identifier(f"grant_{view}"),
        "columns": sql.SQL(", ").join([it.name for it in one.columns]), "rows": _literal(one.rows),
        "id": sql.Literal(grant.pk), "list": sql.Identifier(SCHEMA, _list_of(view)),
        "shown": sql.SQL(", ").join(
            [sql.SQL("{} AS {}").format(it.shown or _looked_up(it, view), it.name) for it in one.columns]
        ),
    }  # fmt: skip
    if any(it.shown is None for it in one.columns):
        _write_list(cursor, one, names)
    for text in (
        "ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        # Conditions are asked of the row's own columns, shown or not: the policy needs no privilege on them.
        "GRANT SELECT ({columns}) ON {table} TO {owner}",
        "CREATE POLICY {policy} ON {table} FOR SELECT TO {owner} USING ({rows} AND (SELECT access_grant_stands({id})))",
        # A function in a policy is called with the rights of whoever signed in, not of the view's owner.
        "GRANT EXECUTE ON FUNCTION access_grant_stands(bigint) TO {owner}, {body}",
        "CREATE VIEW {view} WITH (security_barrier = true) AS SELECT {shown} FROM {table} AS r",
        "GRANT CREATE, USAGE ON SCHEMA {schema} TO {owner}",
        "GRANT {owner} TO CURRENT_USER",
        "ALTER VIEW {view} OWNER TO {owner}",
        "GRANT SELECT ON {view} TO {body}",
        "REVOKE CREATE ON SCHEMA {schema} FROM {owner}",
        "REVOKE {owner} FROM CURRENT_USER",
        "GRANT USAGE ON SCHEMA {schema} TO {body}",
    ):
        cursor.execute(sql.SQL(text).format(**names))


def _list_of(view: str) -> str:
    return f"{view}_shown"


def _looked_up(one: _Column, view: str) -> sql.Composed:
    """Return what the grant's list shows for a value; hidden where it is not on it."""
    return sql.SQL(
        "CASE WHEN {v} IS NOT NULL THEN coalesce((SELECT s.shown FROM {list} AS s WHERE s.field = {field}"
        " AND s.digest = sha256(convert_to({v}::text, 'UTF8'))), {hidden}) END"
    ).format(
        v=sql.Identifier("r", str(one.field.column)), list=sql.Identifier(SCHEMA, _list_of(view)),
        field=sql.Literal(one.field.name), hidden=sql.Literal(masks.hidden("")),
    )  # fmt: skip


def _write_list(cursor: Any, one: _Wanted, names: dict[str, Any]) -> None:
    """Write down what is shown for every value there is in the grant's rows, of fields whose mask is not SQL."""
    cursor.execute(
        sql.SQL("CREATE TABLE {list} (field text, digest bytea, shown text, PRIMARY KEY (field, digest))").format(**names)
    )
    cursor.execute(sql.SQL("GRANT SELECT ON {list} TO {owner}").format(**names))
    for column in (it for it in one.columns if it.shown is None):
        names |= {"v": column.name}
        cursor.execute(sql.SQL("SELECT DISTINCT {v}, {v}::text FROM {table} WHERE {v} IS NOT NULL AND ({rows})").format(**names))
        while some := cursor.fetchmany(LISTED_AT_ONCE):
            rows = [(column.field.name, text, str(masks.mask(column.mask, value, one.grant.purpose))) for value, text in some]
            with connection.cursor() as writer:
                writer.executemany(
                    sql.SQL("INSERT INTO {list} VALUES (%s, sha256(convert_to(%s, 'UTF8')), %s)").format(**names), rows
                )


def _drop(cursor: Any, view: str) -> None:
    """Take a grant's view down, with its policy, privileges and role."""
    owner = role_of_grant(view)
    for text in ("DROP OWNED BY {owner} CASCADE", "DROP ROLE {owner}", "DROP TABLE IF EXISTS {list}"):
        cursor.execute(sql.SQL(text).format(owner=sql.Identifier(owner), list=sql.Identifier(SCHEMA, _list_of(view))))


def _forget_bodies(cursor: Any, kept: Iterable[str]) -> None:
    """Take from bodies without a grant the right to sign in; their password and name stay, for the next one."""
    keep = set(kept)
    cursor.execute(MADE, [MARK])
    for (name,) in cursor.fetchall():
        if name.startswith(_short(f"{_database()}_x_")) and name not in keep:
            cursor.execute(sql.SQL("ALTER ROLE {} NOLOGIN").format(sql.Identifier(name)))


def _views(cursor: Any) -> set[str]:
    cursor.execute("SELECT viewname FROM pg_views WHERE schemaname = %s", [SCHEMA])
    return {name for (name,) in cursor.fetchall()}


def _role(cursor: Any, name: str, *, login: bool) -> None:
    role, word = sql.Identifier(name), sql.SQL("LOGIN" if login else "NOLOGIN")
    cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name])
    making = sql.SQL("ALTER ROLE {} {}" if cursor.fetchone() else "CREATE ROLE {} NOINHERIT {}")
    cursor.execute(making.format(role, word))
    cursor.execute(sql.SQL("COMMENT ON ROLE {} IS {}").format(role, sql.Literal(MARK)))


def _literal(rows: Predicate) -> sql.Composed:
    """Return a predicate with its values written into it: a policy takes no parameters."""
    text, params = as_sql(rows, dialect="postgres")
    for name in params:
        text = text.replace(f"%({name})s", f"{{{name}}}")
    return sql.SQL(text).format(**{name: sql.Literal(value) for name, value in params.items()})


def _database(*, raw: bool = False) -> str:
    name = str(connection.settings_dict["NAME"])
    return name if raw else name.lower()


def _short(name: str) -> str:
    return name if len(name) <= 63 else f"{name[:50]}_{hashlib.sha256(name.encode()).hexdigest()[:12]}"
