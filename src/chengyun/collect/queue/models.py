# SPDX-License-Identifier: Apache-2.0
"""How far each stream's queue has been written."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Mark(models.Model):
    """All bodies of a stream up to this place of the queue are in the lake; later ones may be, too: their keys say so."""

    stream = models.CharField(_("感知流"), max_length=130, primary_key=True)
    place = models.BigIntegerField(_("队列位置"))
    moved_at = models.DateTimeField(_("推进时间"))

    class Meta:
        verbose_name = _("队列进度")
        verbose_name_plural = _("队列进度")

    def __str__(self) -> str:
        return f"{self.stream} {self.place}"


class RuleMark(models.Model):
    """All rows of a part of a stream's entities up to this seq have been judged by the rules (rules.py)."""

    stream = models.CharField(_("感知流"), max_length=130)
    part = models.SmallIntegerField(_("份"))
    seq = models.BigIntegerField(_("序号"))
    past = models.JSONField(_("过往条件"), default=list)
    """Conditions that hold in the past, of which no alert is open."""
    moved_at = models.DateTimeField(_("推进时间"))

    class Meta:
        verbose_name = _("规则进度")
        verbose_name_plural = _("规则进度")
        constraints = [models.UniqueConstraint(fields=["stream", "part"], name="queue_rulemark_one")]

    def __str__(self) -> str:
        return f"{self.stream} {self.part}: {self.seq}"


class RuleSeen(models.Model):
    """The newest time of an entity among the rows that have been judged."""

    stream = models.CharField(_("感知流"), max_length=130)
    entity_id = models.IntegerField(_("对象"))
    time = models.DateTimeField(_("最新时间"))

    class Meta:
        verbose_name = _("规则所见")
        verbose_name_plural = _("规则所见")
        constraints = [models.UniqueConstraint(fields=["stream", "entity_id"], name="queue_ruleseen_one")]

    def __str__(self) -> str:
        return f"{self.stream} {self.entity_id}"
