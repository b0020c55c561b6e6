# SPDX-License-Identifier: Apache-2.0
"""Signs that were found, kept as evidence, and cases that are still to be looked at. Only services.py writes here."""

from __future__ import annotations

import pgtrigger
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils.translation import gettext_lazy as _

from chengyun.cases.models import Case


class Sign(models.Model):
    """A sign of false closing, as it was found. edition: first day of the rules it was found by; weight: as they had it then."""

    case = models.ForeignKey(Case, models.CASCADE, related_name="signs", verbose_name=_("案件"))
    rule = models.CharField(_("规则"), max_length=32)
    edition = models.DateField(_("规则版本"))
    weight = models.FloatField(_("权重"))
    subject = models.CharField(max_length=64)
    detail = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    found_at = models.DateTimeField(_("发现时间"))

    class Meta:
        verbose_name = verbose_name_plural = _("虚假处置迹象")
        ordering = ["-weight", "id"]
        constraints = [models.UniqueConstraint(fields=["case", "rule", "subject"], name="verification_sign_once")]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update)]


class ToLook(models.Model):
    """A case where something happened that may show a sign."""

    case = models.OneToOneField(Case, models.CASCADE, related_name="+")
    since = models.DateTimeField()

    class Meta:
        ordering = ["id"]
