# SPDX-License-Identifier: Apache-2.0
"""Cases that another city's server was told of, and how they stand there."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from chengyun.cases.models import Case


class Forward(models.Model):
    """A case sent to a server, once. server: its name in the settings. number: there; token: while there is no number yet.

    status: as the server last said. error: of the last attempt; a REFUSED one is not tried again.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("待发送")
        SENT = "sent", _("已发送")
        CLOSED = "closed", _("对方已办结")
        REFUSED = "refused", _("对方不收")

    case = models.ForeignKey(Case, models.PROTECT, related_name="forwards", verbose_name=_("案件"))
    server = models.CharField(_("服务器"), max_length=60)
    state = models.CharField(_("状态"), max_length=8, choices=State, default=State.WAITING)
    number = models.CharField(_("对方编号"), max_length=100, blank=True, default="")
    token = models.CharField(max_length=200, blank=True, default="")
    status_notes = models.TextField(_("对方说明"), blank=True, default="")
    made_at = models.DateTimeField(_("登记时间"))
    next_at = models.DateTimeField(_("下次"), null=True)
    attempts = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        verbose_name = verbose_name_plural = _("转外部热线")
        ordering = ["-made_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["case", "server"], name="open311_forward_once")]
        indexes = [models.Index(fields=["next_at"], condition=models.Q(next_at__isnull=False), name="open311_forward_due")]

    def __str__(self) -> str:
        return f"{self.case} → {self.server}"
