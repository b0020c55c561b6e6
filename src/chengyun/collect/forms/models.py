# SPDX-License-Identifier: Apache-2.0
"""Forms and their versions, what was filled in, its photos, and who is asked to fill in what."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Form(models.Model):
    """A form under one key for good; what it asks stands in its versions.

    stream, columns: where an accepted submission goes: the stream's column → the question's path. Empty: nowhere yet.
    """

    key = models.CharField(_("表单编码"), max_length=64, primary_key=True)
    title = models.CharField(_("名称"), max_length=200)
    organisation = models.ForeignKey("access.Organisation", on_delete=models.PROTECT, verbose_name=_("主管部门"), null=True)
    stream = models.CharField(_("感知流"), max_length=130, blank=True, default="")
    columns = models.JSONField(_("字段对应"), default=dict, blank=True)
    minutes = models.PositiveSmallIntegerField(_("填报用时（分钟）"), default=5)
    created_at = models.DateTimeField(_("创建时间"), auto_now_add=True)

    class Meta:
        verbose_name = _("表单")
        verbose_name_plural = _("表单")
        ordering = ["key"]

    def __str__(self) -> str:
        return self.title


class FormVersion(models.Model):
    """One version, never changed once it is published: submissions name it."""

    class State(models.TextChoices):
        DRAFT = "draft", _("草稿")
        PUBLISHED = "published", _("已发布")
        RETIRED = "retired", _("已停用")

    form = models.ForeignKey(Form, on_delete=models.PROTECT, related_name="versions", verbose_name=_("表单"))
    version = models.CharField(_("版本"), max_length=40)
    title = models.CharField(_("名称"), max_length=200)
    languages = models.JSONField(_("语言"), default=list)
    source_name = models.CharField(_("源文件"), max_length=200)
    source = models.BinaryField(_("源文件内容"))
    xform = models.TextField(_("XForm"))
    digest = models.CharField(_("摘要"), max_length=64)
    questions = models.JSONField(_("问题"), default=list)
    warnings = models.JSONField(_("提示"), default=list)
    state = models.CharField(_("状态"), max_length=10, choices=State.choices, default=State.DRAFT)
    made_by = models.CharField(_("制作人"), max_length=200)
    made_at = models.DateTimeField(_("制作时间"), auto_now_add=True)
    published_at = models.DateTimeField(_("发布时间"), null=True, blank=True)

    class Meta:
        verbose_name = _("表单版本")
        verbose_name_plural = _("表单版本")
        ordering = ["form_id", "-made_at"]
        constraints = [
            models.UniqueConstraint(fields=["form", "version"], name="forms_version_once"),
            models.UniqueConstraint(fields=["form"], condition=models.Q(state="published"), name="forms_one_published"),
        ]

    def __str__(self) -> str:
        return f"{self.title} {self.version}"


class Task(models.Model):
    """Somebody is asked to fill in a form, about a place. prefill: question path → value."""

    class State(models.TextChoices):
        OPEN = "open", _("待填")
        DONE = "done", _("已填")
        CANCELLED = "cancelled", _("已取消")

    form = models.ForeignKey(Form, on_delete=models.PROTECT, related_name="tasks", verbose_name=_("表单"))
    title = models.CharField(_("任务"), max_length=200)
    area_code = models.CharField(_("区域"), max_length=12)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("责任人")
    )
    prefill = models.JSONField(_("预填"), default=dict, blank=True)
    due_at = models.DateTimeField(_("期限"), null=True, blank=True)
    state = models.CharField(_("状态"), max_length=10, choices=State.choices, default=State.OPEN)
    made_by = models.CharField(_("下达人"), max_length=200)
    made_at = models.DateTimeField(_("下达时间"), auto_now_add=True)
    done_at = models.DateTimeField(_("完成时间"), null=True, blank=True)

    class Meta:
        verbose_name = _("填报任务")
        verbose_name_plural = _("填报任务")
        ordering = ["due_at", "id"]
        indexes = [models.Index(fields=["state", "area_code"], name="forms_task_area")]

    def __str__(self) -> str:
        return self.title


class Submission(models.Model):
    """One filled-in form as it came. A correction is a submission of its own that replaces another.

    values: question path → value, one entry for each repeat (`damage[1]/photo`). faults: what does not fit the form.
    """

    class State(models.TextChoices):
        RECEIVED = "received", _("待审核")
        ACCEPTED = "accepted", _("已通过")
        RETURNED = "returned", _("已退回")
        REPLACED = "replaced", _("已更正")

    instance = models.CharField(_("实例编号"), max_length=100, unique=True)
    replaces = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="replaced_by", verbose_name=_("更正自")
    )
    version = models.ForeignKey(FormVersion, on_delete=models.PROTECT, related_name="submissions", verbose_name=_("表单版本"))
    task = models.ForeignKey(
        Task, on_delete=models.SET_NULL, null=True, blank=True, related_name="submissions", verbose_name=_("任务")
    )
    xml = models.TextField(_("原文"))
    digest = models.CharField(_("摘要"), max_length=64)
    values = models.JSONField(_("内容"))
    faults = models.JSONField(_("问题"), default=list)
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("填报人")
    )
    organisation = models.CharField(_("填报部门"), max_length=64, blank=True, default="")
    device = models.CharField(_("设备"), max_length=120, blank=True, default="")
    area_code = models.CharField(_("区域"), max_length=12, blank=True, default="")
    lon = models.FloatField(_("经度"), null=True, blank=True)
    lat = models.FloatField(_("纬度"), null=True, blank=True)
    filled_at = models.DateTimeField(_("填报时间"), null=True, blank=True)
    received_at = models.DateTimeField(_("收到时间"))
    complete = models.BooleanField(_("附件齐全"), default=True)
    state = models.CharField(_("状态"), max_length=10, choices=State.choices, default=State.RECEIVED)

    class Meta:
        verbose_name = _("填报")
        verbose_name_plural = _("填报")
        ordering = ["-received_at", "-id"]
        indexes = [
            models.Index(fields=["state", "-received_at"], name="forms_submission_newest"),
            models.Index(fields=["area_code"], name="forms_submission_area"),
        ]

    def __str__(self) -> str:
        return self.instance


class Photo(models.Model):
    """A file of a submission. sha256: of its bytes, and its place in the store; "": announced and not come yet."""

    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, related_name="photos", verbose_name=_("填报"))
    name = models.CharField(_("文件名"), max_length=200)
    kind = models.CharField(_("类型"), max_length=60, blank=True, default="")
    size = models.BigIntegerField(_("字节数"), default=0)
    sha256 = models.CharField(_("SHA-256"), max_length=64, blank=True, default="")
    received_at = models.DateTimeField(_("收到时间"), null=True, blank=True)

    class Meta:
        verbose_name = _("附件")
        verbose_name_plural = _("附件")
        constraints = [models.UniqueConstraint(fields=["submission", "name"], name="forms_photo_once")]

    def __str__(self) -> str:
        return self.name


class ReviewEvent(models.Model):
    """One step of a submission's life. Only added to."""

    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, related_name="events", verbose_name=_("填报"))
    kind = models.CharField(_("步骤"), max_length=20)
    at = models.DateTimeField(_("时间"))
    actor = models.CharField(_("经办人"), max_length=200)
    note = models.TextField(_("说明"), blank=True, default="")

    class Meta:
        verbose_name = _("审核记录")
        verbose_name_plural = _("审核记录")
        ordering = ["at", "id"]

    def __str__(self) -> str:
        return f"{self.submission_id} {self.kind}"
