# SPDX-License-Identifier: Apache-2.0
"""The Django side of an Entity: the columns every register has, and its history.

A pack's models.py inherits Register and decorates each model with `tracked`; the database then keeps every version
of every row by trigger. The table is named `<pack>_<model in lower case>`; raw SQL in the ingest process relies on it.
"""

from __future__ import annotations

from typing import TypeVar

import pghistory
from django.db import models
from django.utils.translation import gettext_lazy as _

M = TypeVar("M", bound=type[models.Model])


class Register(models.Model):
    """One thing the city keeps a register of."""

    key = models.CharField("编码", max_length=64, unique=True)
    name = models.CharField("名称", max_length=200)
    area_code = models.CharField("区域", max_length=12, blank=True, default="", db_index=True)
    """Smallest known area, digits of GB/T 2260 and the statistical codes below it; empty: not known."""
    lon = models.FloatField("经度", null=True, blank=True, help_text="WGS-84")
    lat = models.FloatField("纬度", null=True, blank=True, help_text="WGS-84")
    valid_from = models.DateField("启用日期", null=True, blank=True)
    valid_to = models.DateField("停用日期", null=True, blank=True)
    simulated = models.BooleanField("模拟", default=False)
    source = models.CharField("来源", max_length=200, blank=True, default="")

    class Meta:
        abstract = True
        ordering = ["key"]

    def __str__(self) -> str:
        return self.name


class ComponentRegister(Register):
    """A register of city components (部件): things of a catalogue's category that belong to somebody and are looked after.

    The key is the thing's 16 digits: district (6), major class (2), minor class (2), number (6).
    Standard: GB/T 30428.2; CJ/T 214-2007.
    """

    class State(models.TextChoices):
        """Standard: CJ/T 214-2007; the words of a city may differ."""

        INTACT = "intact", _("完好")
        DAMAGED = "damaged", _("破损")
        MISSING = "missing", _("丢失")
        OCCUPIED = "occupied", _("占用")
        REMOVED = "removed", _("废除")

    category = models.CharField(_("类别"), max_length=64)
    """Code of the scheme of the cases about it, e.g. component/0101; it means something only with catalog_version."""
    catalog_version = models.CharField(_("分类目录版本"), max_length=40, blank=True, default="")
    state = models.CharField(_("状态"), max_length=8, choices=State, default=State.INTACT)
    owner = models.CharField(_("权属单位"), max_length=100, blank=True, default="")
    keeper = models.CharField(_("养护单位"), max_length=100, blank=True, default="")
    address = models.CharField(_("地址"), max_length=200, blank=True, default="")
    grid_code = models.CharField(_("单元网格"), max_length=15, blank=True, default="")
    installed = models.DateField(_("安装日期"), null=True, blank=True)
    inspected_at = models.DateTimeField(_("最近检查"), null=True, blank=True)

    class Meta(Register.Meta):
        abstract = True


def tracked(model: M) -> M:
    """Keep every version of every row in a history table, written by database triggers."""
    return pghistory.track()(model)  # type: ignore[no-any-return]
