# SPDX-License-Identifier: Apache-2.0
"""Crews, their shifts, and the plans of their days.

    Crew ─┬─< Shift          when it is out
          └─< Stop >── Plan ──< LeftJob      what it does, in which order, and why; what nobody does, and why not

A plan is never changed: planning again makes a new one that replaces it. Only services.py writes here.
"""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from chengyun.cases.models import Case


class Crew(models.Model):
    """People who go out together. start, end: where its day begins and ends. members: accounts that see its list."""

    key = models.SlugField(_("标识"), max_length=32, unique=True)
    name = models.CharField(_("班组"), max_length=60)
    organisation = models.ForeignKey("access.Organisation", models.PROTECT, related_name="crews", verbose_name=_("部门"))
    skills = ArrayField(models.CharField(max_length=32), default=list, blank=True, verbose_name=_("技能"))
    start_lon = models.FloatField(help_text="WGS-84")
    start_lat = models.FloatField(help_text="WGS-84")
    end_lon = models.FloatField(help_text="WGS-84")
    end_lat = models.FloatField(help_text="WGS-84")
    members = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="crews", blank=True, verbose_name=_("成员"))
    vehicle = models.CharField(_("车辆"), max_length=60, blank=True, default="")
    """Plate, and what it is; "": they go without one of their own."""
    active = models.BooleanField(_("在用"), default=True)

    class Meta:
        ordering = ["key"]

    def __str__(self) -> str:
        return self.name


class Shift(models.Model):
    """When a crew is out on a day; local times. break_min: length of the break, which begins between the two times."""

    crew = models.ForeignKey(Crew, models.CASCADE, related_name="shifts")
    day = models.DateField(_("日期"))
    begins = models.TimeField(_("上班"))
    ends = models.TimeField(_("下班"))
    break_min = models.PositiveSmallIntegerField(_("休息（分钟）"), default=0)
    break_from = models.TimeField(null=True, blank=True)
    break_until = models.TimeField(null=True, blank=True)

    class Meta:
        ordering = ["day", "begins", "crew_id"]
        constraints = [
            models.UniqueConstraint(fields=["crew", "day"], name="crews_shift_once"),
            models.CheckConstraint(condition=models.Q(ends__gt=models.F("begins")), name="crews_shift_in_order"),
        ]


class Plan(models.Model):
    """The plan of a body's crews for a day. figures: travel, lateness and jobs left, of this plan and of the greedy one.

    replaces: the plan it came after; moved: how many jobs changed crews. rules: what travel and lateness were reckoned by.
    """

    class State(models.TextChoices):
        ASKED = "asked", _("计算中")
        LIVE = "live", _("执行中")
        REPLACED = "replaced", _("已被替代")
        FAILED = "failed", _("未能算出")

    day = models.DateField(_("日期"))
    organisation = models.ForeignKey("access.Organisation", models.PROTECT, related_name="crew_plans", verbose_name=_("部门"))
    area_code = models.CharField(max_length=15, blank=True, default="")
    state = models.CharField(_("状态"), max_length=8, choices=State, default=State.ASKED)
    asked_at = models.DateTimeField(_("时间"))
    asked_by = models.CharField(_("编排人"), max_length=150)
    made_at = models.DateTimeField(null=True)
    replaces = models.ForeignKey("self", models.PROTECT, null=True, related_name="replaced_by")
    reason = models.CharField(_("原因"), max_length=200, blank=True, default="")
    moved = models.PositiveIntegerField(_("改派"), default=0)
    figures = models.JSONField(default=dict)
    rules = models.JSONField(default=dict)
    fault = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        ordering = ["-day", "-asked_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["organisation", "day"], condition=models.Q(state="live"), name="crews_plan_one_live"),
            models.UniqueConstraint(
                fields=["organisation", "day"], condition=models.Q(state="asked"), name="crews_plan_one_asked"
            ),
        ]


class Stop(models.Model):
    """One job of a crew. why: as explain.Why. pinned: a person said it must be this crew. done: begun or done when planned."""

    plan = models.ForeignKey(Plan, models.CASCADE, related_name="stops")
    crew = models.ForeignKey(Crew, models.PROTECT, related_name="stops")
    place = models.PositiveSmallIntegerField()
    case = models.ForeignKey(Case, models.PROTECT, related_name="crew_stops")
    arrives_at = models.DateTimeField()
    begins_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    travel_s = models.PositiveIntegerField()
    late_s = models.PositiveIntegerField(default=0)
    slack_s = models.PositiveIntegerField(default=0)
    pinned = models.BooleanField(default=False)
    why = models.JSONField(default=dict)

    class Meta:
        ordering = ["crew__key", "place"]
        constraints = [
            models.UniqueConstraint(fields=["plan", "case"], name="crews_stop_case_once"),
            models.UniqueConstraint(fields=["plan", "crew", "place"], name="crews_stop_place_once"),
        ]


class LeftJob(models.Model):
    """A job nobody takes in this plan. why: as explain.WhyNot."""

    plan = models.ForeignKey(Plan, models.CASCADE, related_name="left")
    case = models.ForeignKey(Case, models.PROTECT, related_name="+")
    why = models.JSONField(default=dict)

    class Meta:
        ordering = ["id"]


class Pin(models.Model):
    """A person's word that a crew, and no other, takes a case."""

    case = models.OneToOneField(Case, models.CASCADE, related_name="crew_pin")
    crew = models.ForeignKey(Crew, models.CASCADE, related_name="pins")
    by = models.CharField(max_length=150)
    at = models.DateTimeField()
