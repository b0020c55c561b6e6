# SPDX-License-Identifier: Apache-2.0
"""An entry of a duty list. It is never changed: a new one follows it from a day on, so that old cases keep their reason."""

from __future__ import annotations

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField, RangeOperators
from django.db import models
from django.db.models import F, Func, Q
from django.utils.translation import gettext_lazy as _


class Validity(Func):
    """[valid_from, valid_to) as a range; without valid_to it has no end."""

    function = "daterange"
    output_field = DateRangeField()


class Duty(models.Model):
    """Who is charged with a category in an area.

    category: a code of the type's scheme or the beginning of one ("component/01"); "": every category.
    area: the prefix that the codes of an area share ("330203"); "": the whole city. Of the entries that fit a case the one
    with the longest category goes before the others, then the one with the longest area.
    valid_to: the first day on which it no longer holds; None: it still does.
    """

    type = models.CharField(_("案件类型"), max_length=130)
    category = models.CharField(_("类别"), max_length=64, blank=True, default="")
    area = models.CharField(_("区域"), max_length=12, blank=True, default="")
    organisation = models.ForeignKey("access.Organisation", models.PROTECT, related_name="duties", verbose_name=_("责任部门"))
    clause = models.CharField(_("条款"), max_length=500)
    source = models.CharField(_("出处"), max_length=200, blank=True, default="")
    verified = models.BooleanField(_("已核对"), default=False)
    valid_from = models.DateField(_("生效日"))
    valid_to = models.DateField(_("失效日"), null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = _("权责清单")
        ordering = ["type", "category", "area", "-valid_from"]
        constraints = [
            models.CheckConstraint(
                condition=Q(valid_to=None) | Q(valid_to__gt=F("valid_from")), name="duties_duty_ends_after_it_begins"
            ),
            ExclusionConstraint(
                name="duties_duty_one_at_a_time",
                expressions=[
                    ("type", RangeOperators.EQUAL),
                    ("category", RangeOperators.EQUAL),
                    ("area", RangeOperators.EQUAL),
                    (Validity("valid_from", "valid_to"), RangeOperators.OVERLAPS),
                ],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.clause} {self.organisation}"

    def fits(self, category: str, area_code: str) -> bool:
        """Say whether it speaks of a category in an area: "event" and "event/01" speak of "event/0104", "ev" does not."""
        rest = category.removeprefix(self.category)
        within = not self.category or (category.startswith(self.category) and ("/" in self.category or rest[:1] in ("", "/")))
        return within and area_code.startswith(self.area)

    @property
    def rank(self) -> tuple[int, int]:
        """Which of two entries that fit goes before the other."""
        return len(self.category), len(self.area)
