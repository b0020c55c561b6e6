# SPDX-License-Identifier: Apache-2.0
"""A case: a unit of work with exactly one owner, a clock, evidence and an end.

    Case ─┬─< CaseEvent    every step, never changed
          ├─< CaseStage    every stay in a state: whose it was, how its clock ran; one is open, and they leave no gap
          ├── CaseClock    how much of the time limit is used
          ├─< CaseAlert    the alerts it answers; an alert is in one case at most
          ├─< Case.lead          parts of a jointly handled case
          └─< Case.merged_into   reports of the same problem

Only this part's services write here. The database itself holds what must always be true: an owner, an end exactly when the
clock has ended, one open stay, a history that cannot be rewritten.
"""

from __future__ import annotations

from typing import Any

import pgtrigger
from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from chengyun.operate.models import Alert


class Case(models.Model):
    """A unit of work. type and state are keys of the declared CaseType.

    ended: whether the state is one in which the clock has ended. evidence: links to what it rests on.
    owner, person: whose move it is now. department: the body charged with the work, also while another must act.
    category: code in the type's scheme, in the catalogue `catalog_version`; "": not known yet. condition: 立案条件级别.
    due_at: when the stay's time is up; while the clock stands, when it last would have been. warn_at: when four fifths of
    they are used; None while the clock stands and after the end. So a list by colour is a range of these two.
    in_time: of a case whose work was done and that has ended: whether the department kept its limit; None of all others.
    """

    class Source(models.TextChoices):
        WEB = "web", _("网页")
        APP = "app", _("手机应用")
        HOTLINE = "hotline", _("热线")
        ALERT = "alert", _("预警")
        API = "api", _("接口")
        OPEN311 = "open311", "Open311"
        EMAIL = "email", _("电子邮件")
        PATROL = "patrol", _("巡查")
        IMPORT = "import", _("导入")

    number = models.CharField(_("编号"), max_length=32)
    type = models.CharField(_("类型"), max_length=130)
    state = models.CharField(_("状态"), max_length=63)
    ended = models.BooleanField(_("已结束"), default=False)
    title = models.CharField(_("标题"), max_length=200)
    owner = models.ForeignKey("access.Organisation", models.PROTECT, related_name="cases", verbose_name=_("主办单位"))
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="cases",
        verbose_name=_("经办人"),
        db_index=False,
    )
    area_code = models.CharField(_("区域"), max_length=12, blank=True, default="")
    lon = models.FloatField(_("经度"), null=True, blank=True, help_text="WGS-84")
    lat = models.FloatField(_("纬度"), null=True, blank=True, help_text="WGS-84")
    opened_at = models.DateTimeField(_("立案时间"))
    due_at = models.DateTimeField(_("时限"))
    closed_at = models.DateTimeField(_("结案时间"), null=True, blank=True)
    warn_at = models.DateTimeField(_("黄灯时间"), null=True, blank=True)
    in_time = models.BooleanField(_("按期"), null=True, blank=True)
    simulated = models.BooleanField(_("模拟"), default=False)
    evidence = models.JSONField(_("依据"), default=dict, encoder=DjangoJSONEncoder)
    source = models.CharField(_("来源"), max_length=16, choices=Source, default=Source.WEB)
    category = models.CharField(_("类别"), max_length=64, blank=True, default="")
    catalog_version = models.CharField(_("目录版本"), max_length=32, blank=True, default="")
    condition = models.CharField(_("立案条件"), max_length=32, blank=True, default="")
    description = models.TextField(_("描述"), blank=True, default="")
    address = models.CharField(_("地址"), max_length=200, blank=True, default="")
    component_key = models.CharField(_("部件"), max_length=64, blank=True, default="")
    emergency = models.BooleanField(_("紧急"), default=False)
    priority = models.SmallIntegerField(_("优先级"), default=0)
    report_count = models.IntegerField(_("报告数"), default=1)
    department = models.ForeignKey(
        "access.Organisation", models.PROTECT, null=True, blank=True, related_name="charged_cases", verbose_name=_("责任部门")
    )
    handled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("处置人"),
        db_index=False,
    )
    merged_into = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="merged", db_index=False, verbose_name=_("并入")
    )
    lead = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="parts", db_index=False, verbose_name=_("主案件")
    )
    returns = models.SmallIntegerField(_("退单次数"), default=0)
    rework = models.SmallIntegerField(_("返工次数"), default=0)
    extensions = models.SmallIntegerField(_("延期次数"), default=0)
    deferrals = models.SmallIntegerField(_("缓办次数"), default=0)
    suspensions = models.SmallIntegerField(_("挂账次数"), default=0)
    arbitrations = models.SmallIntegerField(_("仲裁次数"), default=0)
    reopened = models.SmallIntegerField(_("重开次数"), default=0)
    suspended = models.BooleanField(_("挂账中"), default=False)
    supervised_at = models.DateTimeField(_("督办时间"), null=True, blank=True)
    dispatched_at = models.DateTimeField(_("首次派遣时间"), null=True, blank=True)
    handled_at = models.DateTimeField(_("处置完毕时间"), null=True, blank=True)
    verified_at = models.DateTimeField(_("核查通过时间"), null=True, blank=True)
    stage_since = models.DateTimeField(_("进入当前状态时间"), default=timezone.now)
    stage = models.ForeignKey("cases.CaseStage", models.SET_NULL, null=True, blank=True, related_name="+", db_index=False)
    """The stay that is open now."""

    class Meta:
        verbose_name = verbose_name_plural = _("案件")
        ordering = ["-opened_at", "-id"]
        constraints = [
            # Not unique=True, which adds an index of its beginnings: nobody looks for these here.
            models.UniqueConstraint(fields=["number"], name="cases_case_number"),
            models.CheckConstraint(
                condition=Q(ended=True, closed_at__isnull=False) | Q(ended=False, closed_at__isnull=True),
                name="cases_case_ended_has_time",
            ),
            models.CheckConstraint(condition=~Q(merged_into=models.F("id")), name="cases_case_not_merged_into_itself"),
        ]
        indexes = [
            models.Index(fields=["type", "state"], name="cases_case_state"),
            models.Index(fields=["due_at", "id"], condition=Q(ended=False), name="cases_case_open_due"),
            models.Index(fields=["warn_at"], condition=Q(warn_at__isnull=False), name="cases_case_warn"),
            models.Index(fields=["-closed_at", "-id"], condition=Q(ended=True), name="cases_case_closed"),
            models.Index(fields=["opened_at"], name="cases_case_opened"),
            models.Index(fields=["type", "category", "opened_at"], name="cases_case_category_opened"),
            # By the beginning of a code as well, whatever the order of letters in this database.
            models.Index(
                fields=["area_code", "opened_at"],
                name="cases_case_area_opened",
                opclasses=["varchar_pattern_ops", "timestamptz_ops"],
            ),
            models.Index(
                fields=["area_code", "closed_at"],
                name="cases_case_area_closed",
                opclasses=["varchar_pattern_ops", "timestamptz_ops"],
                condition=Q(ended=True),
            ),
            models.Index(fields=["component_key"], condition=~Q(component_key=""), name="cases_case_component"),
            models.Index(fields=["merged_into"], condition=Q(merged_into__isnull=False), name="cases_case_merged"),
            models.Index(fields=["lead"], condition=Q(lead__isnull=False), name="cases_case_lead"),
            models.Index(fields=["person", "due_at"], condition=Q(ended=False), name="cases_case_person"),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.title}"

    @property
    def alert(self) -> Alert | None:
        """The alert that opened it; None when a person did."""
        first = self.case_alerts.select_related("alert").first()
        return first.alert if first else None


class Basis(models.TextChoices):
    """How a clock counts: around the clock, or only in office hours."""

    CONTINUOUS = "continuous", _("连续计时")
    WORKING = "working", _("工作时间")


class CaseClock(models.Model):
    """The clock of a case: time used while it ran; the rest follows from now.

    limit_s, used_s: in seconds of its basis. granted_s: the limit before any extension. edition, source: the dated rule the
    limit is from; it stays with the case when a later edition comes. limit_text: the limit as the rule has it, e.g. 4 工作时.
    """

    case = models.OneToOneField(Case, models.CASCADE, related_name="clock")
    limit_s = models.BigIntegerField(_("时限（秒）"))
    used_s = models.FloatField(_("已用（秒）"), default=0.0)
    running_since = models.DateTimeField(_("计时自"), null=True)
    """None: paused or ended."""
    started_at = models.DateTimeField(_("首次计时"), null=True)
    """None: it has never run."""
    basis = models.CharField(_("计时方式"), max_length=10, choices=Basis, default=Basis.CONTINUOUS)
    granted_s = models.BigIntegerField(_("原时限（秒）"), default=0)
    edition = models.DateField(_("时限版本"), null=True, blank=True)
    source = models.CharField(_("时限依据"), max_length=200, blank=True, default="")
    limit_text = models.CharField(_("时限"), max_length=32, blank=True, default="")


class CaseStage(models.Model):
    """One stay of a case in a state: whose move it was, and how the time of the stay was counted.

    post: role that had to act. clock: of the stay. reason: why it stood, as declared, and what the person said who stopped it.
    limit_s, used_s, basis: of the clock that timed the stay, as it showed on entering. own_limit: whether the stay had a limit
    of its own; else the case's clock timed it. due_at: when its time is up; None while it stands without an end. until: until
    when a pause or a longer time was asked for. told: how far its lateness was told (0 not, 1 yellow, 2 red).
    """

    class Clock(models.TextChoices):
        RUNS = "runs", _("计时")
        PAUSED = "paused", _("停表")
        ENDED = "ended", _("已止")

    case = models.ForeignKey(Case, models.CASCADE, related_name="stages")
    state = models.CharField(max_length=63)
    owner = models.ForeignKey("access.Organisation", models.PROTECT, related_name="+", db_index=False)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", db_index=False)
    post = models.CharField(max_length=32)
    clock = models.CharField(max_length=8, choices=Clock)
    reason = models.CharField(max_length=500, blank=True, default="")
    entered_at = models.DateTimeField()
    left_at = models.DateTimeField(null=True)
    basis = models.CharField(max_length=10, choices=Basis, default=Basis.CONTINUOUS)
    limit_s = models.BigIntegerField(null=True)
    used_s = models.FloatField(default=0.0)
    own_limit = models.BooleanField(default=False)
    due_at = models.DateTimeField(null=True)
    until = models.DateTimeField(null=True)
    told = models.SmallIntegerField(default=0)

    class Meta:
        ordering = ["entered_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["case"], condition=Q(left_at__isnull=True), name="cases_casestage_one_open"),
            models.CheckConstraint(condition=~Q(clock="paused") | ~Q(reason=""), name="cases_casestage_pause_has_reason"),
            models.CheckConstraint(
                condition=Q(left_at__isnull=True) | Q(left_at__gte=models.F("entered_at")), name="cases_casestage_in_order"
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(left_at__isnull=True), name="cases_casestage_due"),
            models.Index(fields=["entered_at"], name="cases_casestage_entered"),
        ]


class CaseEvent(models.Model):
    """One step in a case's history; never changed."""

    case = models.ForeignKey(Case, models.CASCADE, related_name="events")
    at = models.DateTimeField()
    kind = models.CharField(max_length=63)
    """`opened`, `assigned`, `owner_unknown`, `alert_joined`, `supervised`, `due_soon`, `late`, or `step`."""
    transition = models.CharField(max_length=63, blank=True, default="")
    actor = models.CharField(max_length=150)
    account = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    reason = models.CharField(max_length=500, blank=True, default="")
    reason_code = models.CharField(max_length=64, blank=True, default="")
    note = models.TextField(blank=True, default="")
    beside: dict[str, Any] | None = None
    """What was asked in the statement that wrote it (hooks.beside); None: nothing was. Not kept."""
    data = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    """What came with it: `photos`, `lon`, `lat`, `until`, and what else the step was given."""

    class Meta:
        ordering = ["at", "id"]
        indexes = [
            BrinIndex(fields=["at"], name="cases_caseevent_at", autosummarize=True),
            models.Index(fields=["case"], condition=models.Q(data__has_key="category"), name="cases_caseevent_category"),
        ]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]


class CaseAlert(models.Model):
    """An alert a case answers."""

    case = models.ForeignKey(Case, models.CASCADE, related_name="case_alerts")
    alert = models.OneToOneField(Alert, models.PROTECT, related_name="case_alert")
    joined_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]


class Replay(models.Model):
    """How far a file of recorded history has been read; what is before `lines` is in, or among its rejects."""

    name = models.CharField(max_length=200, unique=True)
    lines = models.BigIntegerField(default=0)
    cases = models.BigIntegerField(default=0)
    steps = models.BigIntegerField(default=0)
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)


class ReplayedCase(models.Model):
    """Which case a history's own key became."""

    replay = models.ForeignKey(Replay, models.CASCADE, related_name="+", db_index=False)
    key = models.CharField(max_length=200)
    case = models.ForeignKey(Case, models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["replay", "key"], name="cases_replayedcase_key")]


class ReplayReject(models.Model):
    """A case of a file that was left out, with the line that is wrong and why."""

    replay = models.ForeignKey(Replay, models.CASCADE, related_name="rejects")
    line = models.BigIntegerField()
    case = models.CharField(max_length=200)
    reason = models.CharField(max_length=500)

    class Meta:
        ordering = ["line"]
