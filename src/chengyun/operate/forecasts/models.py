# SPDX-License-Identifier: Apache-2.0
"""Forecasts as they were made, what came, and how the methods did before.

    Review ──< Issue        a review says which method is used, and whether it is good enough to be called a forecast

Neither is changed once made, but for the truth that comes in. Only services.py writes here.
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _


class Review(models.Model):
    """How methods did on the past of one subject, each forecast made without what came after it.

    table: method → mean absolute error, pinball loss, coverage. method: the one that did best on the older origins; skill: by
    how much it errs less on the newer ones than the season before, 0–1, below 0 when more. useful: it beats the season before
    and the last value there; if not, because says so, and nothing is shown as a forecast. low, high, low_half, high_half:
    how far the truth lay off in nine and five of ten cases, by step.
    """

    forecast = models.CharField(_("预测"), max_length=130)
    subject = models.CharField(_("对象"), max_length=64)
    made_at = models.DateTimeField(_("时间"))
    until = models.DateTimeField(_("数据截至"))
    method = models.CharField(_("方法"), max_length=40)
    table = models.JSONField(_("方法比较"))
    origins = models.PositiveIntegerField(_("回测次数"))
    skill = models.FloatField(_("技巧"), null=True)
    useful = models.BooleanField(_("可用"))
    because = models.CharField(max_length=300)
    low = ArrayField(models.FloatField())
    high = ArrayField(models.FloatField())
    low_half = ArrayField(models.FloatField())
    high_half = ArrayField(models.FloatField())

    class Meta:
        verbose_name = verbose_name_plural = _("预测回测")
        indexes = [models.Index(fields=["forecast", "subject", "-made_at"], name="forecasts_review_newest")]


class Issue(models.Model):
    """What was said of one subject at one moment.

    since: when the first step begins: what was forecast from ends there. as_of: stream → seq, or "figures" → id, of the state
    of the data. naive: what the season before says of the same steps. low, high: nine of ten; low_half, high_half: five of ten.
    actual: by step, None: not known (yet). settled: nothing more is waited for. widened, widened_half: by what the past of
    this forecast made each of the two intervals wider (above 1) or narrower. score: sums over the known steps; see scoring.py.
    """

    forecast = models.CharField(_("预测"), max_length=130)
    subject = models.CharField(_("对象"), max_length=64)
    area_code = models.CharField(_("区域"), max_length=12, blank=True, default="")
    review = models.ForeignKey(Review, models.PROTECT, related_name="issues")
    since = models.DateTimeField(_("起报"))
    made_at = models.DateTimeField(_("作出"))
    as_of = models.JSONField(_("数据截至"))
    step_s = models.PositiveIntegerField()
    widened = models.FloatField(default=1.0)
    widened_half = models.FloatField(default=1.0)
    values = ArrayField(models.FloatField())
    naive = ArrayField(models.FloatField(null=True))
    low = ArrayField(models.FloatField())
    high = ArrayField(models.FloatField())
    low_half = ArrayField(models.FloatField())
    high_half = ArrayField(models.FloatField())
    actual = ArrayField(models.FloatField(null=True))
    settled = models.BooleanField(default=False)
    score = models.JSONField(default=dict)

    class Meta:
        verbose_name = verbose_name_plural = _("预测结果")
        constraints = [models.UniqueConstraint(fields=["forecast", "subject", "since"], name="forecasts_issue_once")]
        indexes = [models.Index(fields=["forecast", "since"], condition=models.Q(settled=False), name="forecasts_issue_open")]
