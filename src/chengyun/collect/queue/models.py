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
