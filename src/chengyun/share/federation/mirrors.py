# SPDX-License-Identifier: Apache-2.0
"""Neighbours' rows, drawn here: first whole at one version, then what changed; each page with its receipt, in one transaction.

    page ──▶ rows + cursor + receipt in our log: COMMIT ──▶ countersigned with the next page, or when all is drawn

Killed anywhere, a round goes on at the page after the last one that was kept. A page whose answer was lost on its way left a
receipt with the provider that nobody holds: it is named in `GET /receipts?open=1`, and disclaimed there, so that both logs agree.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
from collections.abc import Iterator
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from chengyun.errors import NotFound, Problem
from chengyun.share.exchange import receipts
from chengyun.share.exchange.client import Client, Told
from chengyun.share.federation import neighbours, tables
from chengyun.share.federation.models import Mirror, Neighbour
from chengyun.share.federation.outbox import backing_off
from chengyun.share.ledger import queries
from chengyun.share.ledger.services import append
from chengyun.share.ledger.verifier import canonical

__all__ = ["HELD", "alone", "draw", "draw_all", "reconcile", "start"]

PAGE = 1000
HELD = "h."
"""Before a receipt's number in the name of our log's entry that holds a neighbour's receipt."""

log = logging.getLogger(__name__)


def start(neighbour: Neighbour, dataset: str, purpose: str = "", fields: list[str] | None = None) -> Mirror:
    """Begin to keep a neighbour's dataset here; rows come with the next round."""
    made, _ = Mirror.objects.get_or_create(
        neighbour=neighbour, dataset=dataset, purpose=purpose,
        defaults={"fields": fields or [], "table": tables.name_of(neighbour.name, dataset, purpose)},
    )  # fmt: skip
    return made


def draw_all() -> int:
    """Draw what is due from every neighbour; return how many mirrors were brought up to date."""
    done = 0
    for one in Mirror.objects.filter(neighbour__active=True, retry_at__lte=timezone.now()).select_related("neighbour"):
        client = neighbours.client_of(one.neighbour)
        try:
            draw(one, client)
            reconcile(client)
            done += 1
        except Problem as wrong:
            now = timezone.now()
            Mirror.objects.filter(pk=one.pk).update(
                reason=wrong.sentence[:300], failures=one.failures + 1, retry_at=now + backing_off(one.failures + 1)
            )
            neighbours.failed(one.neighbour, wrong.sentence, now)
        finally:
            client.close()
    return done


def draw(mirror: Mirror, client: Client, *, pages: int | None = None) -> int:
    """Bring a mirror to the provider's newest version; return how many rows changed. pages: at most so many, to go on later."""
    changed, drawn = 0, 0
    with _lock("mirror", mirror, wait=False) as ours:
        more = ours
        while more and (pages is None or drawn < pages):
            with _lock("fill", mirror, wait=False, shared=True) as nobody_fills:
                if not nobody_fills:
                    break
                mirror.refresh_from_db()
                told = _page(mirror, client)
                with transaction.atomic():
                    page_changed, more = _keep(mirror, told)
            client.countersign(told.leaf)
            changed, drawn = changed + page_changed, drawn + 1
    if not ours:
        return 0
    neighbours.answered(mirror.neighbour)
    return changed


@contextlib.contextmanager
def alone(mirror: Mirror) -> Iterator[None]:
    """Be the only one who brings rows into a mirror: a round that is under way ends with its page, and none begins."""
    with _lock("fill", mirror), _lock("mirror", mirror):
        mirror.refresh_from_db()
        yield


@contextlib.contextmanager
def _lock(name: str, mirror: Mirror, *, wait: bool = True, shared: bool = False) -> Iterator[bool]:
    """Hold a lock of the session, because a round is many transactions; yield whether it is ours."""
    kind = "_shared" if shared else ""
    key = [f"{name} {mirror.table}"]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_{'' if wait else 'try_'}advisory_lock{kind}(hashtextextended(%s, 0))", key)
        ours = wait or bool(cursor.fetchone()[0])
    try:
        yield ours
    finally:
        if ours:
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT pg_advisory_unlock{kind}(hashtextextended(%s, 0))", key)


def reconcile(client: Client) -> tuple[int, int]:
    """Countersign the receipts we hold and disclaim those we do not; return how many of each were open with the provider."""
    held = disclaimed = 0
    while True:
        open_ones = client.get("/receipts", open=1).json()["receipts"]
        for number in open_ones:
            try:
                entry = queries.entry_named(receipts.LOG, f"{HELD}{number}")
            except NotFound:
                client.disclaim(str(number))
                disclaimed += 1
                continue
            client.countersign(entry.leaf)
            held += 1
        if not open_ones:
            return held, disclaimed


def _page(mirror: Mirror, client: Client) -> Told:
    asked: dict[str, Any] = {
        "dataset": mirror.dataset, "purpose": mirror.purpose or None, "fields": ",".join(mirror.fields) or None, "limit": PAGE,
        "after": mirror.after or None, "as_of": mirror.as_of,
    }  # fmt: skip
    if mirror.filled:
        return client.get("/changes", since=mirror.version, **asked)
    return client.get("/rows", **asked)


def _keep(mirror: Mirror, told: Told) -> tuple[int, bool]:
    """Keep a page; return how many rows changed and whether there is another."""
    page = told.json()
    held = Mirror.objects.select_for_update().get(pk=mirror.pk)
    columns = tables.read_columns(page["fields"])
    tables.ensure(held.table, columns)
    receipt = receipts.parse(told.leaf)
    changed = tables.write(held.table, columns, page["rows"], int(page["as_of"]), str(receipt["id"]))
    append(receipts.LOG, told.leaf, f"{HELD}{receipt['id']}")
    held.after = page["next"] or ""
    if page["next"]:
        held.as_of = int(page["as_of"])
    else:
        held.version, held.as_of, held.filled = int(page["as_of"]), None, True
        held.drawn_at, held.rows = timezone.now(), tables.count(held.table) if changed else held.rows
    held.reason, held.failures = "", 0
    # The next round by itself: neighbours that have nothing new are asked once a minute.
    held.retry_at = timezone.now() + dt.timedelta(seconds=60 if not page["next"] else 0)
    held.save()
    return changed, bool(page["next"])


def provenance(mirror: Mirror, key: str) -> dict[str, Any] | None:
    """Return where a row of a mirror came from: its version and the receipt that brought it, as the neighbour signed it."""
    from psycopg import sql

    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL("SELECT _version, _receipt FROM {} WHERE _key = %s").format(sql.Identifier(tables.SCHEMA, mirror.table)),
            [key],
        )
        row = cursor.fetchone()
    if row is None:
        return None
    leaf = queries.entry_named(receipts.LOG, f"{HELD}{row[1]}").leaf
    return {"version": row[0], "receipt": receipts.parse(leaf), "entry": canonical(receipts.parse(leaf)).decode()}
