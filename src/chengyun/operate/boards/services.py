# SPDX-License-Identifier: Apache-2.0
"""What people do with boards: save, retire, restore, annotate, have them sent. Every deed is in the audit log."""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from croniter import croniter
from django.conf import settings
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from chengyun.access import audit
from chengyun.access.actors import SYSTEM, Actor, actor_of_account
from chengyun.access.models import Account, Organisation
from chengyun.access.policy import may, require
from chengyun.areas.queries import areas_on
from chengyun.city import City
from chengyun.config import config
from chengyun.errors import Misdeclared, NotFound, Refused
from chengyun.operate.boards import queries, spec
from chengyun.operate.boards.definitions import layers_of, meet
from chengyun.operate.boards.models import Annotation, Board, BoardVersion, Clock, ScheduledReport
from chengyun.operate.boards.spec import BoardSpec
from chengyun.operate.probation.ruleset import rules_known

__all__ = ["annotate", "end_report", "ensure_boards", "read_board", "restore", "retire", "save", "schedule", "withdraw"]

SHIPPED = Path(__file__).with_name("shipped")
"""Boards of the city, of each district and of each department: they name no pack's indicators, but show what packs declare."""
KERNEL = "kernel"
UNKEYED = re.compile(r"[^a-z0-9_]")
FORMATS = ("pdf", "xlsx")
MOST_REPORTS = 20
"""Reports one person may be sent."""
SHORTEST = dt.timedelta(hours=1)
"""Between two letters of one report."""


def read_board(body: str, name: str) -> BoardSpec:
    """Return the board a file says, checked against the running city. Raises Refused with every fault."""
    city: City = settings.CITY
    return spec.read(body, name, city, list(layers_of(city)), rules_known(city))


def save(told: Mapping[str, Any], actor: Actor, *, name: str = "board", note: str = "", upon: int | None = None) -> BoardVersion:
    """Save a board as its next version, and as its first when there is none of this key.

    upon: number of the version it was made from. Raises Refused when somebody else has saved meanwhile, or for any fault.
    """
    city: City = settings.CITY
    board = spec.spec_of(told, name, city, list(layers_of(city)), rules_known(city))
    with transaction.atomic():
        kept, _made = Board.objects.get_or_create(key=board.key)
        kept = Board.objects.select_for_update().get(pk=kept.pk)
        newest = kept.versions.order_by("-number").first()
        before = spec.kept(newest.text) if newest else None
        if not queries.may_edit(board, actor) or not queries.may_edit(before, actor):
            raise Refused(_("您不能编排这个看板：部门人员只能编排本部门的看板。"), code="not_allowed")
        if upon == 0 and newest is not None:
            raise Refused(_("标识“%s”已经有看板，也可能是停用的。请换一个标识。") % board.key, code="stale_board")
        if upon is not None and (newest.number if newest else 0) != upon:
            raise Refused(_("这个看板已被他人保存为新版本。"), code="stale_board")
        if kept.retired_at is not None:
            Board.objects.filter(pk=kept.pk).update(retired_at=None)
        saved = _saved(kept, board, (newest.number if newest else 0) + 1, actor, note)
        audit.record(actor, "board.saved", "boards", board.key, detail={"version": saved.number, "tiles": len(board.tiles)})
    return saved


def retire(key: str, actor: Actor) -> None:
    """Take a board out of the list; its past stays."""
    with transaction.atomic():
        board = queries.access_board(key, actor)
        if not queries.may_edit(board.spec, actor):
            raise Refused(_("您不能停用这个看板。"), code="not_allowed")
        Board.objects.filter(pk=board.board_id).update(retired_at=Clock())
        audit.record(actor, "board.retired", "boards", key)


def restore(key: str, actor: Actor) -> None:
    """Offer a retired board again. Raises NotFound, or Refused for whom may not compose it."""
    with transaction.atomic():
        board = queries.access_board(key, actor, retired=True)
        if not queries.may_edit(board.spec, actor):
            raise Refused(_("您不能恢复这个看板。"), code="not_allowed")
        Board.objects.filter(pk=board.board_id).update(retired_at=None)
        audit.record(actor, "board.restored", "boards", key)


def annotate(key: str, tile: str, at: dt.datetime, text: str, actor: Actor, now: dt.datetime) -> Annotation:
    """Say something about a moment of a board or of one of its tiles."""
    require(actor, "board.annotate")
    board, text = queries.access_board(key, actor), text.strip()
    if not text or len(text) > 500:
        raise Refused(_("请写明批注，不超过 500 字。"), code="note_text")
    if tile and board.spec.tile(tile) is None:
        raise NotFound(_("看板上没有这个图块。"))
    if at > now + dt.timedelta(days=366):
        raise Refused(_("批注所指的时间太远。"), code="note_time")
    with transaction.atomic():
        made = Annotation.objects.create(
            board_id=board.board_id, tile=tile, at=at, text=text, author_id=actor.account_id, author_name=actor.name
        )
        audit.record(actor, "board.annotated", "boards", key, detail={"annotation": made.pk, "tile": tile, "at": at.isoformat()})
    return made


def withdraw(key: str, annotation_id: int, actor: Actor) -> None:
    """Take back an annotation: one's own, or any where one may compose every board. It stays for the moments it was known at."""
    board = queries.access_board(key, actor)
    with transaction.atomic():
        one = Annotation.objects.select_for_update().filter(pk=annotation_id, board_id=board.board_id, withdrawn_at=None).first()
        if one is None or not (one.author_id == actor.account_id or may(actor, "board.edit_any")):
            raise NotFound(_("没有找到这条批注。"))
        Annotation.objects.filter(pk=one.pk).update(withdrawn_at=Clock(), withdrawn_by=actor.name)
        audit.record(actor, "board.note_withdrawn", "boards", key, detail={"annotation": one.pk})


def schedule(
    key: str, cron: str, formats: list[str], recipient: Account, language: str, actor: Actor, now: dt.datetime
) -> ScheduledReport:
    """Have a board sent to somebody by the clock. Raises Refused for a wrong time or a missing address."""
    require(actor, "board.schedule" if recipient.pk == actor.account_id else "board.schedule_others")
    board, cron = queries.access_board(key, actor), " ".join(cron.split())
    queries.access_board(key, actor_of_account(recipient))
    if len(cron.split()) != 5 or not croniter.is_valid(cron):
        raise Refused(_("“%s”不是五段的 cron 时间，例如 0 8 * * 1-5 表示工作日八点。") % cron[:80], code="cron")
    if next_after(cron, first := next_after(cron, now)) - first < SHORTEST:
        raise Refused(_("同一份报告每小时最多发送一次。"), code="cron")
    if not formats or not set(formats) <= set(FORMATS):
        raise Refused(_("请选择 PDF 或 xlsx。"), code="formats")
    if not recipient.email:
        raise Refused(_("收件人的账号没有电子邮件地址。"), code="no_address")
    own = ScheduledReport.objects.filter(recipient=recipient, ended_at=None)
    if own.count() >= MOST_REPORTS:
        raise Refused(_("每人最多 %d 份定时报告。") % MOST_REPORTS, code="too_many")
    if own.filter(board_id=board.board_id, cron=cron).exists():
        raise Refused(_("同样的定时报告已经有了。"), code="known")
    with transaction.atomic():
        made = ScheduledReport.objects.create(
            board_id=board.board_id, recipient=recipient, cron=cron, formats=sorted(formats), language=language,
            made_by_id=actor.account_id, after=now,
        )  # fmt: skip
        audit.record(
            actor, "board.scheduled", "boards", key,
            detail={"report": made.pk, "cron": cron, "formats": made.formats, "recipient": recipient.pk},
        )  # fmt: skip
    return made


def end_report(report_id: int, actor: Actor) -> None:
    """Send a report no more: for its recipient, who made it, and whoever may schedule for others."""
    with transaction.atomic():
        one = ScheduledReport.objects.select_for_update().filter(pk=report_id, ended_at=None).select_related("board").first()
        if one is None or not (
            actor.account_id is not None
            and (actor.account_id in (one.recipient_id, one.made_by_id) or may(actor, "board.schedule_others"))
        ):
            raise NotFound(_("没有找到这份定时报告。"))
        ScheduledReport.objects.filter(pk=one.pk).update(ended_at=Clock())
        audit.record(actor, "board.unscheduled", "boards", one.board.key, detail={"report": one.pk})


def next_after(cron: str, moment: dt.datetime) -> dt.datetime:
    """Return the first moment after one that a cron text names, in the city's time."""
    found: dt.datetime = croniter(cron, moment.astimezone(config().zone)).get_next(dt.datetime)
    return found.astimezone(dt.UTC)


def ensure_boards() -> None:
    """Remember the city's words, and save the shipped boards that are new or have changed, unless somebody made them theirs.

    A file with `each` is a board of its own for every district or department; one whose district or department is gone is
    offered no more. Raises Misdeclared when a shipped board is wrong.
    """
    city: City = settings.CITY
    meet(city)
    shipped: dict[str, tuple[str, BoardSpec]] = {}
    faults: list[str] = []
    for pack, path in _files(city):
        try:
            for board in _boards_of(path, pack, city):
                if board.key in shipped:
                    faults.append(f"{pack}/{path.name}: key {board.key!r} is that of another board.")
                shipped[board.key] = (pack, board)
        except (OSError, ValueError, Refused) as wrong:
            faults.append(wrong.sentence if isinstance(wrong, Refused) else f"{pack}: board {path.name} cannot be read: {wrong}.")
    if faults:
        raise Misdeclared(faults)
    for key, (pack, board) in shipped.items():
        with transaction.atomic():
            kept, _made = Board.objects.get_or_create(key=key, defaults={"pack": pack})
            newest = Board.objects.select_for_update().get(pk=kept.pk).versions.order_by("-number").first()
            if newest is None or (newest.author_name == "" and newest.text != spec.as_json(board)):
                saved = _saved(kept, board, (newest.number if newest else 0) + 1, None, "")
                audit.record(SYSTEM, "board.saved", "boards", key, detail={"version": saved.number, "tiles": len(board.tiles)})
    if gone := list(Board.objects.filter(pack=KERNEL, retired_at=None).exclude(key__in=shipped).values_list("key", flat=True)):
        Board.objects.filter(key__in=gone).update(retired_at=Clock())
        audit.record(SYSTEM, "board.retired", "boards", detail={"boards": gone})


def _files(city: City) -> Iterator[tuple[str, Path]]:
    """Yield the board files that come with the program, and with each pack: (whose, path)."""
    yield from ((KERNEL, path) for path in sorted(SHIPPED.glob("*.toml")))
    yield from ((key, pack.folder / path) for key, pack in city.packs.items() for path in pack.pack.boards)


def _boards_of(path: Path, pack: str, city: City) -> Iterator[BoardSpec]:
    """Yield the boards a shipped file says: one, or one for each of what its `each` names. Raises Refused, ValueError."""
    told, name, layers = tomllib.loads(path.read_text(encoding="utf-8")), f"{pack}/{path.name}", list(layers_of(city))
    match told.get("each", ""):
        case "":
            yield spec.spec_of(told, name, city, layers)
        case "district":
            for area in areas_on(None, "district"):
                values = {"area": area.code, "name": area.name, "name_en": area.name_en or area.name}
                yield spec.spec_of(spec.expanded(told, values), name, city, layers)
        case "department":
            taken: set[str] = set()
            for key, said in Organisation.objects.filter(kind=Organisation.Kind.DEPARTMENT).values_list("key", "name"):
                # Bodies are made by people: what is no key of a board becomes one, and a second of the same is left out.
                if (plain := UNKEYED.sub("_", key.lower())[:50]) in taken:
                    continue
                taken.add(plain)
                with translation.override("en"):
                    values = {"key": plain, "department": key, "name": said[:50], "name_en": _(said)[:60]}
                yield spec.spec_of(spec.expanded(told, values), name, city, layers)
        case other:
            raise Refused(f"{name}: each is {other!r}, expected one of {', '.join(spec.EACH)}.", code="board_file")


def _saved(board: Board, told: BoardSpec, number: int, actor: Actor | None, note: str) -> BoardVersion:
    saved = BoardVersion.objects.create(
        board=board, number=number, text=spec.as_json(told), author_id=actor.account_id if actor else None,
        author_name=actor.name if actor else "", organisation=(actor.organisation or "") if actor else "", note=note[:300],
    )  # fmt: skip
    saved.refresh_from_db(fields=["saved_at"])
    return saved
