# SPDX-License-Identifier: Apache-2.0
"""What happened to components beside cases, what tasks are about them, and who is responsible for which grid.

    PatrolTask ──< TaskComponent      what a task of inspection is to look at
                       Inspection     one look at one component
    Area (grid) ──< GridWorker        whose it is, by period

Components themselves stand in the register of the pack whose cases they are. Only services.py and grids.py write here.
"""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField, RangeOperators
from django.db import models
from django.utils.translation import gettext_lazy as _

from chengyun.cases.field.models import PatrolTask
from chengyun.cases.models import Case
from chengyun.city.models import ComponentRegister


class Days(models.Func):
    """The span of days of a row, its end left out, as a PostgreSQL range."""

    function = "DATERANGE"
    output_field = DateRangeField()


class Inspection(models.Model):
    """One look at one component. component: its key. state: how it was found. case: opened because of it."""

    component = models.CharField(_("部件"), max_length=64, db_index=True)
    at = models.DateTimeField(_("时间"))
    account = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    by = models.CharField(_("检查人"), max_length=150)
    state = models.CharField(_("状态"), max_length=8, choices=ComponentRegister.State)
    note = models.CharField(_("说明"), max_length=500, blank=True, default="")
    task = models.ForeignKey(PatrolTask, models.SET_NULL, null=True, related_name="inspections")
    case = models.ForeignKey(Case, models.PROTECT, null=True, related_name="inspections")

    class Meta:
        ordering = ["-at", "-id"]


class TaskComponent(models.Model):
    """A component that a task is to look at. done_at: when it was."""

    task = models.ForeignKey(PatrolTask, models.CASCADE, related_name="components")
    component = models.CharField(_("部件"), max_length=64, db_index=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["task_id", "id"]
        constraints = [models.UniqueConstraint(fields=["task", "component"], name="components_task_once")]


class GridWorker(models.Model):
    """Who is responsible for a grid, from a day on and until another, which is left out. A person may have several grids, a
    grid several people; the same person has a grid once at a time."""

    grid_code = models.CharField(_("单元网格"), max_length=15, db_index=True)
    account = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="grids", verbose_name=_("责任人"))
    since = models.DateField(_("自"))
    until = models.DateField(_("至（不含）"), null=True, blank=True)
    by = models.CharField(_("指定人"), max_length=150)
    at = models.DateTimeField()

    class Meta:
        ordering = ["grid_code", "since", "id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(until=None) | models.Q(until__gt=models.F("since")), name="components_worker_in_order"
            ),
            ExclusionConstraint(
                name="components_worker_once",
                expressions=[
                    ("grid_code", RangeOperators.EQUAL),
                    ("account", RangeOperators.EQUAL),
                    (Days("since", "until"), RangeOperators.OVERLAPS),
                ],
            ),
        ]
