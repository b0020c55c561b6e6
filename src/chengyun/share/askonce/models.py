# SPDX-License-Identifier: Apache-2.0
"""What was decided about questions, and how often forms are filled in. Written by services.py alone."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Decision(models.Model):
    """A question of a form is a data element, or is not, though it looks like it. It outlives the form's versions."""

    form = models.ForeignKey("forms.Form", models.CASCADE, related_name="+", verbose_name=_("表单"))
    path = models.CharField(_("题目"), max_length=300)
    element = models.CharField(_("数据元"), max_length=130)
    same = models.BooleanField(_("是同一项"))
    reason = models.CharField(_("理由"), max_length=300, blank=True, default="")
    decided_by = models.CharField(_("决定人"), max_length=200)
    decided_at = models.DateTimeField(_("决定时间"), auto_now=True)

    class Meta:
        verbose_name = _("数据元对应")
        verbose_name_plural = _("数据元对应")
        constraints = [models.UniqueConstraint(fields=["form", "path", "element"], name="askonce_decision_once")]

    def __str__(self) -> str:
        return f"{self.form_id} {self.path} {self.element}"


class Load(models.Model):
    """How often a form is asked, as its owner says: times a year, by how many people, with how many entries of a repeat."""

    form = models.OneToOneField("forms.Form", models.CASCADE, primary_key=True, related_name="+", verbose_name=_("表单"))
    times_a_year = models.FloatField(_("每人每年次数"), default=1)
    people = models.PositiveIntegerField(_("填报人数"), default=0)
    repeats = models.FloatField(_("每次重复项数"), default=1)
    changed_by = models.CharField(_("修改人"), max_length=200)
    changed_at = models.DateTimeField(_("修改时间"), auto_now=True)

    class Meta:
        verbose_name = _("填报频次")
        verbose_name_plural = _("填报频次")

    def __str__(self) -> str:
        return str(self.form_id)
