# SPDX-License-Identifier: Apache-2.0
"""Road networks as loaded, and runs of what-if models."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class Network(models.Model):
    """A road network: the roads of an OpenStreetMap extract, and nothing else of it.

    extract: OSM XML, gzip. digest: SHA-256 of it; a run names the one it was made on. bounds: west, south, east, north.
    """

    key = models.SlugField(_("标识"), max_length=40, unique=True)
    name = models.CharField(_("名称"), max_length=100)
    source = models.CharField(_("来源"), max_length=300)
    digest = models.CharField(max_length=64)
    extract = models.BinaryField()
    nodes = models.IntegerField(_("路口与折点"))
    ways = models.IntegerField(_("道路"))
    bounds = models.JSONField()
    loaded_at = models.DateTimeField(_("载入于"), db_default=Now())

    class Meta:
        ordering = ["name"]
        verbose_name = verbose_name_plural = _("路网")

    def __str__(self) -> str:
        return self.name


class Run(models.Model):
    """One run of a model. Inputs, version and seed never change; a result is written once.

    model, version: which and what edition of it. basis: digests of what the inputs name (networks). reason: why it failed.
    tries: how often it was begun; one that is cut off every time is given up.
    """

    class State(models.TextChoices):
        ASKED = "asked", _("排队中")
        RUNNING = "running", _("计算中")
        DONE = "done", _("完成")
        FAILED = "failed", _("未完成")

    model = models.CharField(_("模型"), max_length=40)
    version = models.CharField(_("版本"), max_length=16)
    title = models.CharField(_("名称"), max_length=120)
    inputs = models.JSONField(_("输入"))
    basis = models.JSONField(default=dict)
    seed = models.BigIntegerField(_("随机种子"))
    state = models.CharField(_("状态"), max_length=8, choices=State, default=State.ASKED, db_index=True)
    reason = models.TextField(blank=True, default="")
    tries = models.SmallIntegerField(default=0)
    result = models.JSONField(default=dict)
    asked_at = models.DateTimeField(_("提出于"), db_default=Now())
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = verbose_name_plural = _("推演")

    def __str__(self) -> str:
        return self.title
