# SPDX-License-Identifier: Apache-2.0
"""The area tree: city → district → street → community → grid, each node with the days it was valid."""

from __future__ import annotations

import uuid

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField, DateRangeField, RangeOperators
from django.db import models
from django.utils.translation import gettext_lazy as _

from chengyun.city.models import tracked


class Days(models.Func):
    """The span of days of a row, its end left out, as a PostgreSQL range."""

    function = "DATERANGE"
    output_field = DateRangeField()


@tracked
class Area(models.Model):
    """One area during one span of days. A change of name, parent or boundary is a new row with the same code."""

    class Level(models.TextChoices):
        CITY = "city", _("市")
        DISTRICT = "district", _("区县")
        STREET = "street", _("街道")
        COMMUNITY = "community", _("社区")
        GRID = "grid", _("网格")

    code = models.CharField(_("编码"), max_length=15)
    level = models.CharField(_("层级"), max_length=9, choices=Level)
    name = models.CharField(_("名称"), max_length=100)
    name_en = models.CharField(_("英文名"), max_length=100, blank=True, default="")
    parent_code = models.CharField(_("上级编码"), max_length=12, blank=True, default="")
    valid_from = models.DateField(_("生效日期"))
    """0001-01-01: the source does not say since when."""
    valid_to = models.DateField(_("失效日期"), null=True, blank=True)
    """The first day on which it no longer holds."""
    successors = ArrayField(models.CharField(max_length=15), verbose_name=_("后继编码"), default=list, blank=True)
    """Codes that took over its territory; several when it was divided."""
    lon = models.FloatField(_("经度"), null=True, blank=True)
    lat = models.FloatField(_("纬度"), null=True, blank=True)
    """A point inside, where a map writes the name; WGS-84."""
    boundary = models.BinaryField(null=True, blank=True)
    """Polygon or MultiPolygon as WKB in WGS-84; None: not known."""
    outline = models.JSONField(null=True, blank=True)
    """The boundary as a GeoJSON geometry, simplified for screens together with its neighbours."""
    source = models.CharField(_("来源"), max_length=300, blank=True, default="")
    source_crs = models.CharField(_("原坐标系"), max_length=16, blank=True, default="")
    demonstration = models.BooleanField(_("演示"), default=False)
    """Loaded by the first start for want of a city's own areas, which replace it."""

    class Meta:
        ordering = ["code", "valid_from"]
        verbose_name = verbose_name_plural = _("区域")
        constraints = [
            models.UniqueConstraint(fields=["code", "valid_from"], name="areas_area_code_valid_from"),
            models.CheckConstraint(
                condition=models.Q(valid_to=None) | models.Q(valid_to__gt=models.F("valid_from")), name="areas_area_days_in_order"
            ),
            ExclusionConstraint(
                name="areas_area_no_two_at_once",
                expressions=[("code", RangeOperators.EQUAL), (Days("valid_from", "valid_to"), RangeOperators.OVERLAPS)],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.code}"


class TreeVersion(models.Model):
    """One row whose token changes with every load, so that a process knows when what it remembers is old.

    A random token, not a number: a counter that a rolled-back load has used would name two different trees.
    """

    token = models.UUIDField(default=uuid.uuid4)
