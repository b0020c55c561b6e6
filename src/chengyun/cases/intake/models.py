# SPDX-License-Identifier: Apache-2.0
"""What people report, who they are (apart), their photos, and what they are told.

    Case ──< Report ─┬── ReportContact    who reported: a person's data, kept apart, withdrawn on request
      │              ├─< Photo            original private, public copy without anything it carried
      │              └─< Message          what the reporter was told, in the page and by e-mail
      └──< Merge                          one problem that was two cases, and the way back

Only services.py, merging.py and messages.py write here.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from chengyun.cases.models import Case


class Report(models.Model):
    """What one person reported once.

    link_salt: what the reporter's own link is made with, beside the installation's secret. category: as the reporter chose it,
    then as the desk settled it. suggestion, similar: what the program thought when it came. private: the place is somebody's
    home, shown to others only roughly. published_at: since when anybody may see that it was reported; None: not. home: the
    case it opened, which it goes back to when it is separated.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("待受理")
        ASKED = "asked", _("待补充")
        ACCEPTED = "accepted", _("已受理")
        JOINED = "joined", _("已并入")
        REFUSED = "refused", _("不受理")

    class Channel(models.TextChoices):
        WEB = "web", _("网页")
        APP = "app", _("手机应用")
        HOTLINE = "hotline", _("热线")
        API = "api", _("接口")
        OPEN311 = "open311", _("Open311")
        EMAIL = "email", _("电子邮件")
        PATROL = "patrol", _("巡查")

    number = models.CharField(_("编号"), max_length=16, unique=True)
    link_salt = models.CharField(max_length=16)
    idempotency_key = models.CharField(max_length=64, null=True, unique=True)
    content_digest = models.CharField(max_length=64)
    channel = models.CharField(_("渠道"), max_length=10, choices=Channel)
    received_at = models.DateTimeField(_("收到时间"))
    text = models.TextField(_("内容"))
    category = models.CharField(_("类别"), max_length=64, blank=True, default="")
    lon = models.FloatField(_("经度"), null=True, help_text="WGS-84")
    lat = models.FloatField(_("纬度"), null=True, help_text="WGS-84")
    address = models.CharField(_("地点"), max_length=200, blank=True, default="")
    area_code = models.CharField(_("区域"), max_length=12, blank=True, default="")
    private = models.BooleanField(_("私人地点"), default=False)
    language = models.CharField(max_length=8, default="zh-hans")
    account = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    external = models.CharField(max_length=200, blank=True, default="")
    suggestion = models.JSONField(default=dict)
    similar = models.JSONField(default=list)
    case = models.ForeignKey(Case, models.PROTECT, null=True, related_name="reports", verbose_name=_("案件"))
    home = models.ForeignKey(Case, models.PROTECT, null=True, related_name="+")
    state = models.CharField(_("状态"), max_length=10, choices=State, default=State.WAITING)
    settled_at = models.DateTimeField(_("受理时间"), null=True)
    published_at = models.DateTimeField(_("公开时间"), null=True)
    headline = models.CharField(_("公开说明"), max_length=120, blank=True, default="")
    rating = models.PositiveSmallIntegerField(_("满意度"), null=True)
    rated_at = models.DateTimeField(null=True)
    rating_note = models.CharField(max_length=500, blank=True, default="")
    simulated = models.BooleanField(_("模拟"), default=False)

    class Meta:
        verbose_name = verbose_name_plural = _("上报")
        ordering = ["-received_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(rating=None) | models.Q(rating__gte=1, rating__lte=5), name="intake_report_rating"
            )
        ]
        indexes = [
            models.Index(fields=["received_at"], condition=models.Q(state__in=["waiting", "asked"]), name="intake_report_open"),
            models.Index(fields=["-received_at"], name="intake_report_newest"),
            models.Index(fields=["-published_at"], condition=models.Q(published_at__isnull=False), name="intake_report_public"),
            models.Index(fields=["external"], condition=~models.Q(external=""), name="intake_report_external"),
        ]

    def __str__(self) -> str:
        return self.number


class ReportContact(models.Model):
    """How to reach who reported. caller: pseudonym of the telephone number, by which calls of one person are found."""

    report = models.OneToOneField(Report, models.CASCADE, related_name="contact")
    name = models.CharField(_("姓名"), max_length=60, blank=True, default="")
    phone = models.CharField(_("电话"), max_length=32, blank=True, default="")
    email = models.EmailField(_("邮箱"), blank=True, default="")
    caller = models.CharField(max_length=32, blank=True, default="")

    class Meta:
        verbose_name = verbose_name_plural = _("上报人联系方式")
        indexes = [models.Index(fields=["caller"], condition=~models.Q(caller=""), name="intake_contact_caller")]


class Photo(models.Model):
    """A picture. sha256: of the original as it came; public_sha256: of the copy that may be shown. fingerprint: 64 bits that
    look alike for pictures that look alike. taken_at, lon, lat: as the picture itself said. open: anybody may see the copy."""

    report = models.ForeignKey(Report, models.PROTECT, null=True, related_name="photos", verbose_name=_("上报"))
    case = models.ForeignKey(Case, models.PROTECT, null=True, related_name="photos", verbose_name=_("案件"))
    sha256 = models.CharField("SHA-256", max_length=64, db_index=True)
    public_sha256 = models.CharField(max_length=64)
    fingerprint = models.BigIntegerField(db_index=True)
    kind = models.CharField(_("类型"), max_length=20)
    size = models.IntegerField(_("字节数"))
    width = models.IntegerField()
    height = models.IntegerField()
    taken_at = models.DateTimeField(_("拍摄时间"), null=True)
    lon = models.FloatField(_("经度"), null=True)
    lat = models.FloatField(_("纬度"), null=True)
    received_at = models.DateTimeField(_("收到时间"))
    sent_by = models.CharField(_("上传人"), max_length=150)
    account = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    open = models.BooleanField(_("可公开"), default=False)

    class Meta:
        verbose_name = verbose_name_plural = _("照片")
        ordering = ["id"]


class Message(models.Model):
    """What a reporter is told. kind: what happened; data: what the sentence needs; text: in a clerk's own words.

    mail: whether it also goes out by e-mail, and how far that is.
    """

    class Mail(models.TextChoices):
        NONE = "none", _("不发送")
        WAITING = "waiting", _("待发送")
        SENT = "sent", _("已发送")
        FAILED = "failed", _("未送达")

    report = models.ForeignKey(Report, models.CASCADE, related_name="messages")
    at = models.DateTimeField()
    kind = models.CharField(max_length=40)
    data = models.JSONField(default=dict)
    text = models.TextField(blank=True, default="")
    from_reporter = models.BooleanField(default=False)
    mail = models.CharField(max_length=8, choices=Mail, default=Mail.NONE)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["at", "id"]
        indexes = [models.Index(fields=["next_at"], condition=models.Q(mail="waiting"), name="intake_message_waiting")]


class Merge(models.Model):
    """Two cases that are one problem. reports: those that went over. undone_at: when they were taken apart again."""

    case = models.ForeignKey(Case, models.PROTECT, related_name="merges")
    into = models.ForeignKey(Case, models.PROTECT, related_name="taken_in")
    reports = models.JSONField(default=list)
    at = models.DateTimeField()
    actor = models.CharField(max_length=150)
    undone_at = models.DateTimeField(null=True)
    undone_by = models.CharField(max_length=150, blank=True, default="")

    class Meta:
        ordering = ["at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["case"], condition=models.Q(undone_at=None), name="intake_merge_one"),
            models.CheckConstraint(condition=~models.Q(case=models.F("into")), name="intake_merge_not_itself"),
        ]


class Quota(models.Model):
    """How many reports came from one sender in one hour. sender: a keyed hash of the address and the day; never the address."""

    sender = models.CharField(max_length=32)
    hour = models.DateTimeField()
    count = models.IntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["sender", "hour"], name="intake_quota_once")]


class Embargo(models.Model):
    """Categories whose reports stay off the public map. category: a code, or how codes begin. days: None: for good."""

    category = models.CharField(_("类别"), max_length=64)
    days = models.PositiveSmallIntegerField(_("天数"), null=True, blank=True)
    reason = models.CharField(_("原因"), max_length=200)
    since = models.DateTimeField(_("起"))
    until = models.DateTimeField(_("止"), null=True, blank=True)

    class Meta:
        ordering = ["category", "since"]


class Article(models.Model):
    """Something the hotline answers from, under one key; what it says stands in its versions."""

    key = models.SlugField(max_length=64, unique=True)
    category = models.CharField(_("类别"), max_length=64, blank=True, default="")
    retired_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["key"]


class ArticleVersion(models.Model):
    """One wording; the newest counts, the others tell what callers were told then."""

    article = models.ForeignKey(Article, models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    title = models.CharField(_("标题"), max_length=120)
    body = models.TextField(_("内容"))
    source = models.CharField(_("依据"), max_length=200, blank=True, default="")
    since = models.DateTimeField()
    author = models.CharField(max_length=150)

    class Meta:
        ordering = ["article_id", "-number"]
        constraints = [models.UniqueConstraint(fields=["article", "number"], name="intake_article_version")]


class Call(models.Model):
    """One telephone conversation. caller: pseudonym of the number. satisfied: 1 to 5, asked when the case had ended."""

    class Outcome(models.TextChoices):
        REPORTED = "reported", _("转为上报")
        REPEATED = "repeated", _("重复来电")
        ANSWERED = "answered", _("当场答复")
        TRANSFERRED = "transferred", _("转接")

    line = models.CharField(_("热线"), max_length=8)
    at = models.DateTimeField(_("时间"))
    agent = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    caller = models.CharField(max_length=32, blank=True, default="")
    area_code = models.CharField(max_length=12, blank=True, default="")
    notes = models.TextField(_("记录"), blank=True, default="")
    outcome = models.CharField(_("结果"), max_length=12, choices=Outcome)
    report = models.ForeignKey(Report, models.PROTECT, null=True, related_name="calls")
    answer = models.ForeignKey(ArticleVersion, models.PROTECT, null=True, related_name="+")
    transferred_to = models.CharField(_("转接至"), max_length=100, blank=True, default="")
    wants_call_back = models.BooleanField(default=False)
    called_back_at = models.DateTimeField(null=True)
    satisfied = models.PositiveSmallIntegerField(null=True)
    call_back_note = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["caller", "-at"], name="intake_call_caller")]
