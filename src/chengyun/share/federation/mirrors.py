# SPDX-License-Identifier: Apache-2.0
"""Neighbours' rows, drawn here: first whole at one version, then what changed; each page with its receipt, in one transaction.

    page ──▶ rows + cursor + receipt in our log: COMMIT ──▶ countersigned with the next page, or when all is drawn

Killed anywhere, a round goes on at the page after the last one that was kept. A page whose answer was lost on its way left a
receipt with the provider that nobody holds: it is named in `GET /receipts?open=1`, and disclaimed there, so that both logs agree.

Where the provider says that the rows were read under other terms than now hold (`anew`), all is read anew into a table beside,
which takes the rows' place once it is whole; until then they stay as they are.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from chengyun.errors import Malformed, NotFound, Problem, Refused, Unavailable
from chengyun.share.exchange import hooks, receipts
from chengyun.share.exchange.client import Client, Told
from chengyun.share.exchange.digests import Ranges
from chengyun.share.exchange.hooks import Flow
from chengyun.share.exchange.sources import Column
from chengyun.share.federation import neighbours, tables
from chengyun.share.federation.models import Asking, Mirror, Neighbour
from chengyun.share.federation.outbox import backing_off
from chengyun.share.ledger import queries
from chengyun.share.ledger.services import append
from chengyun.share.ledger.verifier import canonical

__all__ = ["HELD", "alone", "begin_anew", "draw", "draw_all", "fault_of", "flow", "read_anew", "receiving", "reconcile", "start"]

PAGE = 1000
AT_ONCE = 4
"""Mirrors that are drawn at a time."""
ALL = "*"
"""Of what is read anew: everything."""
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
    """Draw what is due from every neighbour, a few mirrors at a time; return how many were brought up to date.

    While one waits for its neighbour's page, another keeps its own; and one whose neighbour does not answer holds up no other.
    """
    due = Mirror.objects.filter(neighbour__active=True, retry_at__lte=timezone.now()).select_related("neighbour")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return sum(pool.map(_drawn, list(due)))


def _drawn(one: Mirror) -> bool:
    """Draw one mirror, in a thread with a connection of its own; return whether it was brought up to date."""
    client = neighbours.client_of(one.neighbour)
    try:
        draw(one, client)
        reconcile(client)
        return True
    except Problem as wrong:
        _failed(one, wrong, wrong.sentence)
    except (LookupError, TypeError, ValueError, AttributeError, DatabaseError) as wrong:
        # One neighbour's nonsense is no reason to leave the others waiting.
        log.exception("%s of %s could not be kept", one.dataset, one.neighbour.name)
        _failed(one, wrong, f"What the neighbour sent cannot be kept: {type(wrong).__name__}.")
    finally:
        client.close()
        connection.close()
    return False


def fault_of(wrong: Exception, why: str) -> str:
    """Return what is written down of a failure: a Fault, which pages say in words, or the sentence."""
    match wrong:
        case Unavailable():
            return Mirror.Fault.AWAY
        case NotFound():
            return Mirror.Fault.GONE
        case _:
            return why[:300]


def _failed(mirror: Mirror, wrong: Exception, why: str) -> None:
    now = timezone.now()
    failures = mirror.failures + 1
    if failures == 1:
        hooks.tell(flow(mirror, now, fault=type(wrong).__name__))
    Mirror.objects.filter(pk=mirror.pk).update(
        reason=fault_of(wrong, why), failures=failures, retry_at=now + backing_off(failures)
    )
    neighbours.failed(mirror.neighbour, why, now)


def flow(mirror: Mirror, began: dt.datetime, *, columns: Sequence[Column] = (), rows: int = 0, fault: str = "") -> Flow:
    """Return what came of a neighbour's dataset, or did not. What is masked is known by what it granted us."""
    asked = Asking.objects.filter(
        neighbour=mirror.neighbour, ours=True, dataset=mirror.dataset, purpose=mirror.purpose, state=Asking.State.GRANTED
    )
    ways = asked.order_by("-id").values_list("fields", flat=True).first()
    masked = frozenset(one.name for one in columns if ways.get(one.name, "clear") != "clear") if ways else None
    return Flow(
        way="mirror", with_whom=mirror.neighbour.name, dataset=mirror.dataset, purpose=mirror.purpose, began=began,
        ended=timezone.now(), columns=columns, masked=masked, rows=rows, fault=fault,
    )  # fmt: skip


def draw(mirror: Mirror, client: Client, *, pages: int | None = None) -> int:
    """Bring a mirror to the provider's newest version; return how many rows changed. pages: at most so many, to go on later."""
    changed, drawn, restarted, began = 0, 0, 0, timezone.now()
    with _lock(f"mirror {mirror.table}", wait=False) as ours:
        more = ours
        while more and (pages is None or drawn < pages):
            with _lock(f"fill {mirror.table}", wait=False, shared=True) as nobody_fills:
                if not nobody_fills:
                    break
                mirror.refresh_from_db()
                try:
                    with receiving(client):
                        told = _page(mirror, client)
                        with transaction.atomic():
                            page_changed, more = _keep(mirror, told)
                            changed, drawn = changed + page_changed, drawn + 1
                            if changed and not more:
                                came = tables.read_columns(told.json()["fields"])
                                hooks.tell(flow(mirror, began, columns=came, rows=changed))
                except Refused as wrong:
                    # A neighbour of an older version calls it `cursor`, and knows it of pages alone.
                    if wrong.code not in ("anew", "cursor") or drawn < restarted:
                        raise
                    log.warning("%s of %s is read anew: %s", mirror.dataset, mirror.neighbour.name, wrong.sentence)
                    restarted = drawn + 1
                    with transaction.atomic():
                        read_anew(mirror)
                    continue
            client.countersign(told.leaf)
    if not ours:
        return 0
    neighbours.answered(mirror.neighbour)
    return changed


@contextlib.contextmanager
def alone(mirror: Mirror) -> Iterator[None]:
    """Be the only one who brings rows into a mirror: a round that is under way ends with its page, and none begins."""
    with _lock(f"fill {mirror.table}"), _lock(f"mirror {mirror.table}"):
        mirror.refresh_from_db()
        yield


def begin_anew(mirror: Mirror) -> None:
    """Empty a mirror, in the caller's transaction: what a round or a file that was broken off left is of no version at all."""
    tables.empty(mirror.table)
    tables.drop(tables.staged(mirror.table))
    Mirror.objects.filter(pk=mirror.pk).update(
        filled=False, version=0, as_of=None, after="", rows=0, terms="", redraw=""
    )  # fmt: skip


def read_anew(mirror: Mirror, ranges: Ranges | None = None) -> None:
    """Begin to read a mirror anew, in the caller's transaction: beside its rows, where it has them whole. ranges: these alone."""
    if mirror.filled:
        tables.drop(tables.staged(mirror.table))
        # Of some ranges at the version that the others are of.
        at = mirror.version if ranges else None
        Mirror.objects.filter(pk=mirror.pk).update(redraw=str(ranges) if ranges else ALL, as_of=at, after="")
    else:
        Mirror.objects.filter(pk=mirror.pk).update(as_of=None, after="")


@contextlib.contextmanager
def receiving(client: Client) -> Iterator[None]:
    """Ask for rows and keep them: a receipt that is on its way is not held yet, and must not be disclaimed."""
    with _lock(f"receipts {client.address}", shared=True):
        yield


@contextlib.contextmanager
def _lock(name: str, *, wait: bool = True, shared: bool = False) -> Iterator[bool]:
    """Hold a lock of the session, because a round is many transactions; yield whether it is ours."""
    kind = "_shared" if shared else ""
    key = [name]
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
    """Countersign the receipts we hold and disclaim those we do not; return how many of each were open with the provider.

    None while another process receives from it: the next round comes to them.
    """
    with _lock(f"receipts {client.address}", wait=False) as nobody_receives:
        return _reconcile(client) if nobody_receives else (0, 0)


def _reconcile(client: Client) -> tuple[int, int]:
    held = disclaimed = 0
    settled: set[str] = set()
    others: set[str] = set()  # asked for by a key of ours that the provider no longer takes the word of
    while True:
        named = [str(number) for number in client.get("/receipts", open=1).json()["receipts"]]
        open_ones = [number for number in named if number not in others]
        if not settled.isdisjoint(open_ones):
            raise Malformed("The neighbour still calls receipts open that were settled just now.")
        settled.update(open_ones)
        for number in open_ones:
            try:
                entry: queries.Entry | None = queries.entry_named(receipts.LOG, f"{HELD}{number}")
            except NotFound:
                entry = None
            try:
                if entry is None:
                    client.disclaim(number)
                    disclaimed += 1
                else:
                    client.countersign(entry.leaf)
                    held += 1
            except (NotFound, Refused):
                settled.discard(number)
                others.add(number)
        if not open_ones:
            return held, disclaimed


def _page(mirror: Mirror, client: Client) -> Told:
    asked: dict[str, Any] = {
        "dataset": mirror.dataset, "purpose": mirror.purpose or None, "fields": ",".join(mirror.fields) or None, "limit": PAGE,
        "after": mirror.after or None, "as_of": mirror.as_of,
    }  # fmt: skip
    follows = mirror.filled and not mirror.redraw
    # The first page of a reading says under which terms it is; a neighbour of an older version never does.
    asked["terms"] = (mirror.terms if follows or mirror.as_of is not None else "") or None
    if follows:
        return client.get("/changes", since=mirror.version, **asked)
    if mirror.redraw not in ("", ALL):
        asked["ranges"] = mirror.redraw
    return client.get("/rows", **asked)


def _keep(mirror: Mirror, told: Told) -> tuple[int, bool]:
    """Keep a page; return how many rows changed and whether there is another."""
    page = told.json()
    held = Mirror.objects.select_for_update().get(pk=mirror.pk)
    columns = tables.read_columns(page["fields"])
    table = tables.staged(held.table) if held.redraw else held.table
    tables.ensure(table, columns)
    is_new = not held.filled
    if is_new and held.as_of is None:
        begin_anew(held)
        held.rows = 0
    receipt = receipts.parse(told.leaf)
    changed = tables.write(table, columns, page["rows"], int(page["as_of"]), str(receipt["id"]))
    held.terms = str(page.get("terms", ""))[:200]
    append(receipts.LOG, told.leaf, f"{HELD}{receipt['id']}")
    held.after = page["next"] or ""
    if page["next"]:
        held.as_of = int(page["as_of"])
        held.rows += changed if is_new else 0
    else:
        is_redrawn = bool(held.redraw)
        if is_redrawn:
            tables.put_in_place(held.table, columns, None if held.redraw == ALL else Ranges.read(held.redraw))
        held.version, held.as_of, held.filled, held.redraw = int(page["as_of"]), None, True, ""
        held.drawn_at, held.rows = timezone.now(), tables.count(held.table) if changed or is_redrawn or is_new else held.rows
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
