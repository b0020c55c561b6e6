# SPDX-License-Identifier: Apache-2.0
"""Sources, their runs, and what must outlive a crash: the batch under way, the rows and files already read, changes to decide."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Source(models.Model):
    """Somewhere data is fetched from. Written by services.py (by people) and runs.py (by runs) alone."""

    class State(models.TextChoices):
        ACTIVE = "active", _("在读取")
        PAUSED = "paused", _("暂停")
        STOPPED = "stopped", _("等待决定")

    key = models.CharField(_("编码"), max_length=63, unique=True)
    name = models.CharField(_("名称"), max_length=200)
    kind = models.CharField(_("方式"), max_length=10)
    spec = models.JSONField(_("声明"))
    """spec.Spec as plain values."""
    pack = models.CharField(_("应用包"), max_length=63, blank=True, default="")
    """Key of the pack that declares it; empty: a person made it."""
    credentials = models.BinaryField(_("凭据"), null=True)
    """Encrypted; see credentials.py."""
    state = models.CharField(_("状态"), max_length=10, choices=State.choices, default=State.PAUSED)
    created_at = models.DateTimeField(_("建立时间"), auto_now_add=True)
    created_by = models.CharField(_("建立者"), max_length=100, blank=True, default="")
    position = models.JSONField(_("位置"), default=dict)
    """Where the next run begins: moved in the commit that settles a batch, never before the batch is acknowledged."""
    columns = models.JSONField(_("列"), default=dict)
    """Accepted columns of the source: name → type."""
    next_at = models.DateTimeField(_("下次运行"), null=True, blank=True)
    failures = models.PositiveIntegerField(_("连续失败"), default=0)
    succeeded_at = models.DateTimeField(_("上次成功"), null=True, blank=True)
    newest = models.DateTimeField(_("最新数据"), null=True, blank=True)
    """Newest phenomenon time or watermark that was read."""
    late_since = models.DateTimeField(_("滞后自"), null=True, blank=True)

    class Meta:
        verbose_name = _("数据源")
        verbose_name_plural = _("数据源")
        ordering = ["key"]
        indexes = [models.Index(fields=["state", "next_at"], name="pull_source_due")]

    def __str__(self) -> str:
        return self.name


class Run(models.Model):
    """One reading of a source, counted."""

    class State(models.TextChoices):
        RUNNING = "running", _("运行中")
        DONE = "done", _("完成")
        FAILED = "failed", _("失败")
        STOPPED = "stopped", _("已停下")
        CUT_OFF = "cut_off", _("中断")

    source = models.ForeignKey(Source, models.CASCADE, related_name="runs")
    by = models.CharField(_("发起"), max_length=100)
    started_at = models.DateTimeField(_("开始"))
    ended_at = models.DateTimeField(_("结束"), null=True, blank=True)
    state = models.CharField(_("状态"), max_length=10, choices=State.choices, default=State.RUNNING)
    read = models.BigIntegerField(_("读取"), default=0)
    same = models.BigIntegerField(_("未变"), default=0)
    kept = models.BigIntegerField(_("入库"), default=0)
    dead = models.BigIntegerField(_("问题"), default=0)
    flagged = models.BigIntegerField(_("标记"), default=0)
    registered = models.BigIntegerField(_("登记"), default=0)
    vanished = models.BigIntegerField(_("消失"), default=0)
    bytes = models.BigIntegerField(_("字节"), default=0)
    lag_s = models.FloatField(_("滞后"), null=True, blank=True)
    error = models.TextField(_("原因"), blank=True, default="")
    note = models.TextField(_("说明"), blank=True, default="")

    class Meta:
        verbose_name = _("运行记录")
        verbose_name_plural = _("运行记录")
        ordering = ["-started_at", "-id"]
        indexes = [models.Index(fields=["source", "-started_at"], name="pull_run_newest")]

    def __str__(self) -> str:
        return f"{self.source_id} {self.started_at:%Y-%m-%d %H:%M:%S}"


class Pending(models.Model):
    """The batch under way: written before it is sent, settled and removed after it is acknowledged. At most one per source."""

    source = models.OneToOneField(Source, models.CASCADE, primary_key=True, related_name="pending")
    run = models.ForeignKey(Run, models.CASCADE)
    key = models.CharField(max_length=64, unique=True)
    """Idempotency key: a batch sent twice is stored once."""
    batch = models.BinaryField()
    """batches.Noted, encoded."""


class KnownRow(models.Model):
    """A row as it was last read, so that the same row read again is not sent again and one that is gone is noticed."""

    id = models.BigAutoField(primary_key=True)
    source = models.ForeignKey(Source, models.CASCADE, db_constraint=False)
    key = models.CharField(max_length=300)
    digest = models.BinaryField(max_length=16)
    mark = models.BigIntegerField(null=True)
    """Watermark, µs since 1970 or a number; None: the source has none, or the row has none."""
    run = models.BigIntegerField()
    """The last run that read it."""
    gone_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "key"], name="pull_knownrow_key")]


class SeenFile(models.Model):
    """A file of a folder, as it was last seen."""

    class State(models.TextChoices):
        ARRIVING = "arriving", _("正在到达")
        READ = "read", _("已读")
        SAME = "same", _("内容相同")
        FAILED = "failed", _("读不了")

    source = models.ForeignKey(Source, models.CASCADE, related_name="files")
    path = models.CharField(_("文件"), max_length=1000)
    size = models.BigIntegerField(_("大小"))
    version = models.CharField(_("版本"), max_length=100)
    """What changes when the file does: time of modification, or the store's own tag."""
    digest = models.CharField(_("摘要"), max_length=64, blank=True, default="")
    state = models.CharField(_("状态"), max_length=10, choices=State.choices)
    seen_at = models.DateTimeField(_("看到时间"))
    read_at = models.DateTimeField(_("读取时间"), null=True, blank=True)
    rows = models.BigIntegerField(_("行数"), default=0)
    error = models.TextField(_("原因"), blank=True, default="")

    class Meta:
        verbose_name = _("文件")
        verbose_name_plural = _("文件")
        constraints = [models.UniqueConstraint(fields=["source", "path"], name="pull_seenfile_path")]

    def __str__(self) -> str:
        return self.path


class Drift(models.Model):
    """A change in what a source sends, and what a person decided about it."""

    class Kind(models.TextChoices):
        APPEARED = "appeared", _("出现新列")
        VANISHED = "vanished", _("列消失")
        RETYPED = "retyped", _("类型改变")
        RENAMED = "renamed", _("疑似改名或换单位")
        EMPTIED = "emptied", _("大量行消失")

    class Decision(models.TextChoices):
        WAITING = "waiting", _("待决定")
        ACCEPTED = "accepted", _("接受")
        MAPPED = "mapped", _("改用新列")
        IGNORED = "ignored", _("忽略")
        STOPPED = "stopped", _("停用数据源")

    source = models.ForeignKey(Source, models.CASCADE, related_name="drifts")
    kind = models.CharField(_("变化"), max_length=10, choices=Kind.choices)
    column = models.CharField(_("列"), max_length=500)
    before = models.CharField(_("之前"), max_length=500, blank=True, default="")
    after = models.CharField(_("之后"), max_length=500, blank=True, default="")
    used = models.BooleanField(_("在用"))
    """Whether a column of ours comes from it: then the policy `drift` decides about the run."""
    at = models.CharField(_("位置"), max_length=500, blank=True, default="")
    seen_at = models.DateTimeField(_("发现时间"))
    decision = models.CharField(_("决定"), max_length=10, choices=Decision.choices, default=Decision.WAITING)
    decided_at = models.DateTimeField(_("决定时间"), null=True, blank=True)
    decided_by = models.CharField(_("决定者"), max_length=100, blank=True, default="")

    class Meta:
        verbose_name = _("结构变化")
        verbose_name_plural = _("结构变化")
        ordering = ["-seen_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["source", "kind", "column", "after"], condition=models.Q(decision="waiting"), name="pull_drift_waiting"
            )
        ]

    def __str__(self) -> str:
        return f"{self.column} {self.kind}"
