# SPDX-License-Identifier: Apache-2.0
"""Boards with their versions, and what must be remembered to show any of them as it was known at a moment.

    Board ──< BoardVersion      every saving, with its author
      ├────< Annotation         said about a moment, of one tile or of all
      └────< ScheduledReport ──< Sending    sent once for a period

    FigureMark     up to which id figures were known from a moment on
    Remembered     what was open (an alert, a case), and from when to when it stood so
    Definition     what a word of the city meant, and from when to when

Moments of knowledge are the database's own clock at the statement that wrote, never a time somebody hands over: memory.py says
when a moment is settled. FigureMark and Remembered are written by triggers (migrations), so that no writer can forget them.
"""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Func, Q
from django.utils.translation import gettext_lazy as _


class Clock(Func):
    """The database's clock now, also inside a long transaction."""

    function = "CLOCK_TIMESTAMP"
    template = "%(function)s()"
    output_field = models.DateTimeField()


class Board(models.Model):
    """A board under its key. pack: shipped by it, "kernel": with the program; empty: made here. retired_at: no longer offered;
    its past can still be seen."""

    key = models.CharField(_("标识"), max_length=63, unique=True)
    pack = models.CharField(_("应用"), max_length=63, blank=True, default="")
    made_at = models.DateTimeField(db_default=Clock())
    retired_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = verbose_name_plural = _("看板")
        ordering = ["key"]

    def __str__(self) -> str:
        return self.key


class BoardVersion(models.Model):
    """A board as it was saved; never changed. text: the board's file as JSON. author: None: shipped by a pack."""

    board = models.ForeignKey(Board, models.PROTECT, related_name="versions")
    number = models.IntegerField(_("版本"))
    text = models.JSONField(_("内容"))
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    author_name = models.CharField(_("作者"), max_length=150, blank=True, default="")
    organisation = models.CharField(_("部门"), max_length=64, blank=True, default="")
    note = models.CharField(_("说明"), max_length=300, blank=True, default="")
    saved_at = models.DateTimeField(_("保存时间"), db_default=Clock())

    class Meta:
        ordering = ["board", "-number"]
        constraints = [models.UniqueConstraint(fields=["board", "number"], name="boards_version_once")]

    def __str__(self) -> str:
        return f"{self.board_id} {self.number}"


class Annotation(models.Model):
    """What somebody said about a moment, `at`. tile: id of the tile it is about; empty: the whole board."""

    board = models.ForeignKey(Board, models.PROTECT, related_name="annotations")
    tile = models.CharField(_("图块"), max_length=63, blank=True, default="")
    at = models.DateTimeField(_("所指时间"))
    text = models.CharField(_("批注"), max_length=500)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    author_name = models.CharField(_("作者"), max_length=150)
    written_at = models.DateTimeField(_("写于"), db_default=Clock())
    withdrawn_at = models.DateTimeField(_("撤回"), null=True)
    withdrawn_by = models.CharField(max_length=150, blank=True, default="")

    class Meta:
        ordering = ["at", "id"]
        indexes = [models.Index(fields=["board", "at"], name="boards_annotation_at")]

    def __str__(self) -> str:
        return self.text[:40]


class ScheduledReport(models.Model):
    """A board sent to somebody by the clock, as that person may see it. cron: five fields, in the city's time.

    after: periods up to this moment are settled; the next is the first one after it.
    """

    board = models.ForeignKey(Board, models.PROTECT, related_name="reports")
    recipient = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("收件人"))
    cron = models.CharField(_("时间"), max_length=80)
    formats = ArrayField(models.CharField(max_length=4), verbose_name=_("格式"))
    language = models.CharField(_("语言"), max_length=8)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    made_at = models.DateTimeField(db_default=Clock())
    after = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["board", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["board", "recipient", "cron"], condition=Q(ended_at__isnull=True), name="boards_report_once"
            )
        ]


class Sending(models.Model):
    """One period's letter of a scheduled report."""

    class State(models.TextChoices):
        WAITING = "waiting", _("待发")
        SENT = "sent", _("已发")
        FAILED = "failed", _("未能发出")
        DROPPED = "dropped", _("不再发送")

    report = models.ForeignKey(ScheduledReport, models.CASCADE, related_name="sendings")
    period = models.DateTimeField(_("时段"))
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    attempts = models.IntegerField(default=0)
    next_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    why = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        ordering = ["-period"]
        constraints = [models.UniqueConstraint(fields=["report", "period"], name="boards_sending_once")]
        indexes = [models.Index(fields=["next_at"], condition=Q(state="waiting"), name="boards_sending_due")]


class FigureMark(models.Model):
    """From this moment on figures with ids up to `upto` were known. tx: the transaction that wrote them."""

    at = models.DateTimeField()
    upto = models.BigIntegerField()
    tx = models.BigIntegerField()

    class Meta:
        indexes = [models.Index(fields=["at"], name="boards_mark_at"), models.Index(fields=["-tx"], name="boards_mark_tx")]


class Remembered(models.Model):
    """Something that was open, as it stood from `since` until before `until`; until None: it stands so now.

    kind: "alert" or "case". thing: its id. dataset: of an alert, what it is about; of a case, its type. row: what a board shows.
    """

    kind = models.CharField(max_length=8)
    thing = models.BigIntegerField()
    dataset = models.CharField(max_length=130)
    area_code = models.CharField(max_length=12, blank=True, default="")
    opened_at = models.DateTimeField()
    row = models.JSONField(encoder=DjangoJSONEncoder)
    since = models.DateTimeField()
    until = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["kind", "thing"], condition=Q(until__isnull=True), name="boards_remembered_open"),
            models.Index(fields=["kind", "thing", "since"], name="boards_remembered_thing"),
        ]


class Definition(models.Model):
    """What a word of the city meant from `since` until before `until`. text: as a board needs it, names in both languages."""

    kind = models.CharField(max_length=16)
    key = models.CharField(max_length=200)
    text = models.JSONField()
    digest = models.CharField(max_length=64)
    since = models.DateTimeField(db_default=Clock())
    until = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "key"], condition=Q(until__isnull=True), name="boards_definition_one_current")
        ]
        indexes = [models.Index(fields=["since"], name="boards_definition_since")]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"
