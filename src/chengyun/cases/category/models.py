# SPDX-License-Identifier: Apache-2.0
"""Every model that was trained, with its card; one of a type suggests, or none."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class CategoryModel(models.Model):
    """A trained model. data: the file, see model.py. card: what it was worth on the last tenth of its cases, see training.py.

    since, until: when its cases were opened. live: whether it suggests; one that was not good never does.
    """

    type = models.CharField(_("案件类型"), max_length=130)
    trained_at = models.DateTimeField(_("训练时间"))
    since = models.DateTimeField(_("数据起"))
    until = models.DateTimeField(_("数据止"))
    cases = models.IntegerField(_("案件数"))
    card = models.JSONField(_("模型卡"), default=dict)
    data = models.BinaryField()
    live = models.BooleanField(_("在用"), default=False)

    class Meta:
        verbose_name = verbose_name_plural = _("类别建议模型")
        ordering = ["-trained_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["type"], condition=Q(live=True), name="category_model_one_live"),
            models.CheckConstraint(condition=Q(live=False) | Q(card__good=True), name="category_model_live_is_good"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.trained_at:%Y-%m-%d %H:%M}"
