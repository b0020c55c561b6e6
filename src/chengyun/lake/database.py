# SPDX-License-Identifier: Apache-2.0
"""The database the lake's own connections go to: the one Django uses, which under test is not the configured one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
from django.db import connections


def url() -> str:
    """Return the database's address as libpq and ADBC take it."""
    return url_of(connections["default"].settings_dict)


def url_of(settings: Mapping[str, Any]) -> str:
    """Return the address that Django's settings of a database mean."""
    user = quote(settings["USER"] or "")
    password = f":{quote(settings['PASSWORD'])}" if settings["PASSWORD"] else ""
    host, port = settings["HOST"] or "", settings["PORT"]
    if host.startswith("/"):
        query = {"host": host} | ({"port": port} if port else {})
        return f"postgresql://{user}{password}@/{quote(settings['NAME'])}?{urlencode(query, quote_via=quote)}"
    return f"postgresql://{user}{password}@{host}{f':{port}' if port else ''}/{quote(settings['NAME'])}"


def connect() -> psycopg.Connection[tuple[Any, ...]]:
    """Open a connection of the lake's own, in autocommit: its transactions are written out where they are needed."""
    return psycopg.connect(url(), autocommit=True)


def columns(conn: psycopg.Connection[tuple[Any, ...]], relation: str) -> dict[str, str]:
    """Return column → type of a table, in the order they were added; empty when there is no such table."""
    sql = """
        SELECT attname, format_type(atttypid, NULL) FROM pg_attribute
        WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped ORDER BY attnum
    """
    return {name: kind for name, kind in conn.execute(sql, [relation])}  # noqa: C416 - dict() does not type
