# SPDX-License-Identifier: Apache-2.0
"""What is asked of boards: which there are for somebody, what one said at a moment, what was annotated."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db.models import Q
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from chengyun.access.actors import Actor
from chengyun.access.policy import may
from chengyun.errors import NotFound
from chengyun.operate.boards import spec
from chengyun.operate.boards.models import Annotation, BoardVersion
from chengyun.operate.boards.spec import BoardSpec

__all__ = ["NoteView", "Saved", "access_board", "boards_for", "may_edit", "notes_of", "retired_for", "said", "versions"]


@dataclass(frozen=True, slots=True)
class Saved:
    """A board as saved. number: of the version. author: empty: shipped with the program."""

    board_id: int
    spec: BoardSpec
    number: int
    author: str
    saved_at: dt.datetime
    pack: str
    retired: bool

    @property
    def name(self) -> str:
        """What it is called in the page's language."""
        return said(self.spec.name, self.spec.name_en)

    @property
    def note(self) -> str:
        return said(self.spec.note, self.spec.note_en)


@dataclass(frozen=True, slots=True)
class NoteView:
    """An annotation as it was known. own: written by who asks."""

    id: int
    tile: str
    at: dt.datetime
    text: str
    author: str
    written_at: dt.datetime
    own: bool


def said(text: str, english: str) -> str:
    """Return a text of a board in the page's language: its own English where it has any, else as the catalogue of texts says."""
    if not text:
        return ""
    return english if english and (get_language() or "").startswith("en") else _(text)


def boards_for(actor: Actor) -> list[Saved]:
    """Return the boards of today somebody may open, by level and name."""
    rows = (
        BoardVersion.objects.filter(board__retired_at=None)
        .select_related("board")
        .order_by("board_id", "-number")
        .distinct("board_id")
    )
    found = [saved for row in rows if _opens((saved := _saved(row)).spec, actor)]
    return sorted(found, key=lambda one: (spec.LEVELS.index(one.spec.level), one.spec.name, one.spec.key))


def retired_for(actor: Actor) -> list[Saved]:
    """Return the boards somebody may offer again, by name."""
    rows = BoardVersion.objects.exclude(board__retired_at=None).select_related("board")
    found = [_saved(row) for row in rows.order_by("board_id", "-number").distinct("board_id")]
    mine = [one for one in found if _opens(one.spec, actor) and may_edit(one.spec, actor)]
    return sorted(mine, key=lambda one: (one.spec.name, one.spec.key))


def access_board(key: str, actor: Actor, at: dt.datetime | None = None, *, retired: bool = False) -> Saved:
    """Return a board as it was saved at a moment (None: now), for who may open it as it is now and was then.

    Of a moment before it was first saved: as it was first saved. retired: also one that is not offered any more. Raises NotFound.
    """
    rows = BoardVersion.objects.filter(board__key=key).select_related("board").order_by("-number")
    newest = rows.first()
    row = (rows.filter(saved_at__lte=at).first() or rows.last()) if at is not None else newest
    if row is None or newest is None or not all(_opens(_saved(one).spec, actor) for one in (newest, row)):
        raise NotFound(_("没有找到这个看板。"), board=key)
    if at is None and not retired and newest.board.retired_at is not None:
        raise NotFound(_("没有找到这个看板。"), board=key)
    return _saved(row)


def versions(board_id: int) -> list[BoardVersion]:
    """Return every saving of a board, newest first."""
    return list(BoardVersion.objects.filter(board_id=board_id).order_by("-number"))


def notes_of(
    board_id: int, actor: Actor, since: dt.datetime, until: dt.datetime, known: dt.datetime | None = None, tile: str | None = None
) -> list[NoteView]:
    """Return what was said of moments in [since, until], as known at a moment; withdrawn ones are left out. Oldest first."""
    if not actor.signed_in:
        return []
    rows = Annotation.objects.filter(board_id=board_id, at__gte=since, at__lte=until)
    if known is None:
        rows = rows.filter(withdrawn_at=None)
    else:
        rows = rows.filter(Q(withdrawn_at=None) | Q(withdrawn_at__gt=known), written_at__lte=known)
    if tile is not None:
        rows = rows.filter(tile=tile)
    return [
        NoteView(
            one.pk, one.tile, one.at, one.text, one.author_name, one.written_at,
            one.author_id is not None and one.author_id == actor.account_id,
        )
        for one in rows.order_by("at", "id")[:200]
    ]  # fmt: skip


def may_edit(board: BoardSpec | None, actor: Actor) -> bool:
    """Say whether somebody may save a board (None: a new one): a department's clerk only the own body's."""
    if not may(actor, "board.edit"):
        return False
    if board is None or may(actor, "board.edit_any"):
        return True
    return _of_department(board, actor)


def _opens(board: BoardSpec, actor: Actor) -> bool:
    if board.audience == "everyone":
        return True
    if not may(actor, "board.read"):
        return False
    return board.audience == "staff" or _of_department(board, actor) or may(actor, "board.edit_any")


def _of_department(board: BoardSpec, actor: Actor) -> bool:
    return bool(board.department) and any(
        board.department in post.bodies or board.department == post.organisation for post in actor.posts
    )


def _saved(row: BoardVersion) -> Saved:
    board = row.board
    return Saved(
        row.board_id, spec.kept(row.text), row.number, row.author_name, row.saved_at, board.pack, board.retired_at is not None
    )
