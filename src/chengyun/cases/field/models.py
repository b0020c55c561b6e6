# SPDX-License-Identifier: Apache-2.0
"""What devices in the field sent, exactly as they sent it, and what became of it.

    Device ─┬─< Operation     one deed, done without network perhaps days ago; never changed, settled once
            ├─< ClockSample   how far the device's clock is off
            ├─< Cursor        what the device was last told
            └─< Upload        a photo under way, by its content
    Duty ───< Track           where a person on duty was; points are deleted after some days
    PatrolTask                what is to be walked, inspected or verified
    Twin                      two cases that look like one problem, and what people said about it

Only services.py and what it calls write here.
"""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils.translation import gettext_lazy as _

from chengyun.access.models import Token
from chengyun.cases.models import Case


class Device(models.Model):
    """A person's device. Its key is bound to one account; offset_ms: server's clock minus its own, when last measured."""

    key = models.CharField(max_length=16, unique=True)
    account = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="field_devices", verbose_name=_("账号"))
    name = models.CharField(_("名称"), max_length=60)
    token = models.OneToOneField(Token, models.CASCADE, related_name="field_device")
    enrolled_at = models.DateTimeField(_("登记时间"))
    revoked_at = models.DateTimeField(_("停用时间"), null=True)
    seen_at = models.DateTimeField(_("最近同步"), null=True)
    offset_ms = models.BigIntegerField(_("时钟偏差（毫秒）"), null=True)

    class Meta:
        ordering = ["-enrolled_at", "-id"]

    def __str__(self) -> str:
        return f"{self.name} ({self.key})"


class Operation(models.Model):
    """One deed of a person on a device. data, base: as sent. made_at: by the device's clock; done_at: by ours, as well as it can
    be known; uncertainty_ms: how well. after: operations that must be settled first. revision: grows with every change of the
    result. case: the one it speaks of, once known."""

    class State(models.TextChoices):
        RECEIVED = "received", _("已收到")
        WAITING = "waiting", _("等待")
        APPLIED = "applied", _("已办理")
        MERGED = "merged", _("已合并办理")
        DECIDE = "decide", _("待定夺")
        SETTLED = "settled", _("已定夺")
        INVALID = "invalid", _("无法读取")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    device = models.ForeignKey(Device, models.PROTECT, related_name="operations")
    account = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    kind = models.CharField(max_length=16)
    made_at = models.DateTimeField()
    done_at = models.DateTimeField()
    uncertainty_ms = models.BigIntegerField()
    received_at = models.DateTimeField()
    after = ArrayField(models.UUIDField(), default=list)
    data = models.JSONField(default=dict)
    base = models.JSONField(default=dict)
    digest = models.CharField(max_length=64)
    state = models.CharField(max_length=8, choices=State, default=State.RECEIVED)
    result = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    case = models.ForeignKey(Case, models.PROTECT, null=True, related_name="field_operations")
    settled_at = models.DateTimeField(null=True)
    revision = models.BigIntegerField(default=0)

    class Meta:
        ordering = ["done_at", "id"]
        indexes = [
            models.Index(
                fields=["account"], condition=models.Q(state__in=["received", "waiting", "decide", "invalid"]),
                name="field_operation_open",
            ),
            models.Index(fields=["account", "revision"], name="field_operation_revision"),
        ]  # fmt: skip


class ClockSample(models.Model):
    """at: by the device's clock."""

    device = models.ForeignKey(Device, models.CASCADE, related_name="clocks")
    at = models.DateTimeField()
    offset_ms = models.BigIntegerField()
    uncertainty_ms = models.BigIntegerField()

    class Meta:
        ordering = ["at", "id"]


class Cursor(models.Model):
    """What a device holds when it names this cursor. manifest: {"cases": {number: version}, "tasks": {id: version}}."""

    device = models.ForeignKey(Device, models.CASCADE, related_name="cursors")
    name = models.CharField(max_length=32, unique=True)
    made_at = models.DateTimeField()
    revision = models.BigIntegerField()
    manifest = models.JSONField()

    class Meta:
        ordering = ["-id"]


class Upload(models.Model):
    """A photo on its way, named by its content. The file stands in <data>/field/<sha256> until an operation takes it."""

    account = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    sha256 = models.CharField(max_length=64)
    length = models.BigIntegerField()
    offset = models.BigIntegerField(default=0)
    complete = models.BooleanField(default=False)
    begun_at = models.DateTimeField()
    taken_at = models.DateTimeField(null=True)
    lon = models.FloatField(null=True)
    lat = models.FloatField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "sha256"], name="field_upload_once")]


class Duty(models.Model):
    """A stretch of time on duty. Where the person is at other times is nobody's business."""

    account = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="duties")
    device = models.ForeignKey(Device, models.PROTECT, related_name="+")
    started_at = models.DateTimeField(_("上岗"))
    ended_at = models.DateTimeField(_("下岗"), null=True)

    class Meta:
        ordering = ["started_at", "id"]


class PatrolTask(models.Model):
    """Something to walk, inspect or verify. cells: of its area, as coverage.Cells; seen: [[column, row], …]."""

    class Kind(models.TextChoices):
        PATROL = "patrol", _("巡查")
        INSPECT = "inspect", _("检查")
        VERIFY = "verify", _("核查")
        HANDLE = "handle", _("处置")

    class State(models.TextChoices):
        OPEN = "open", _("未开始")
        STARTED = "started", _("进行中")
        DONE = "done", _("已完成")
        HINDERED = "hindered", _("无法完成")

    title = models.CharField(_("任务"), max_length=120)
    kind = models.CharField(_("类型"), max_length=8, choices=Kind, default=Kind.PATROL)
    account = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="patrol_tasks", verbose_name=_("执行人"))
    area_code = models.CharField(_("区域"), max_length=15)
    case = models.ForeignKey(Case, models.PROTECT, null=True, blank=True, related_name="patrol_tasks")
    note = models.TextField(_("说明"), blank=True, default="")
    state = models.CharField(_("状态"), max_length=8, choices=State, default=State.OPEN)
    begins_at = models.DateTimeField(_("开始"))
    until = models.DateTimeField(_("截止"))
    cells = models.JSONField(null=True)
    seen = models.JSONField(default=list)
    wanted_share = models.FloatField(_("应覆盖"), default=0.8)
    changed_at = models.DateTimeField()
    changed_by = models.CharField(max_length=150)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["until", "id"]
        indexes = [models.Index(fields=["account", "until"], name="field_task_account")]

    @property
    def share(self) -> float:
        """Return how much of the area has been seen, 0 to 1; 0 where nothing is to be covered."""
        wanted = len(self.cells["wanted"]) if self.cells else 0
        return len(self.seen) / wanted if wanted else 0.0


class Track(models.Model):
    """Where a person on duty was. points: [seconds since started_at, lon, lat, accuracy in metres]; None once forgotten."""

    duty = models.ForeignKey(Duty, models.CASCADE, related_name="tracks")
    operation = models.OneToOneField(Operation, models.CASCADE, related_name="track")
    task = models.ForeignKey(PatrolTask, models.SET_NULL, null=True, related_name="tracks")
    account = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    area_code = models.CharField(max_length=15, blank=True, default="")
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    points = models.JSONField(null=True)
    west = models.FloatField()
    south = models.FloatField()
    east = models.FloatField()
    north = models.FloatField()

    class Meta:
        ordering = ["started_at", "id"]
        indexes = [models.Index(fields=["account", "started_at"], name="field_track_account")]


class Twin(models.Model):
    """Two cases that look like one problem, found when a device brought the second. said: what a person thinks of it."""

    class Said(models.TextChoices):
        NOTHING = "", _("未定")
        SAME = "same", _("同一问题")
        DIFFERENT = "different", _("不同问题")

    case = models.ForeignKey(Case, models.PROTECT, related_name="twins")
    other = models.ForeignKey(Case, models.PROTECT, related_name="twin_of")
    operation = models.ForeignKey(Operation, models.PROTECT, related_name="twins")
    score = models.FloatField()
    distance_m = models.FloatField()
    reasons = models.JSONField(default=list)
    found_at = models.DateTimeField()
    said = models.CharField(max_length=9, choices=Said, blank=True, default="")
    said_by = models.CharField(max_length=150, blank=True, default="")
    said_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-score", "id"]
        constraints = [models.UniqueConstraint(fields=["case", "other"], name="field_twin_once")]
