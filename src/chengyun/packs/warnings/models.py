# SPDX-License-Identifier: Apache-2.0
"""The register of warnings."""

from __future__ import annotations

from django.db import models

from chengyun.city.models import Register, tracked


@tracked
class Warning(Register):
    """A warning from its first message to its end. Its point is the middle of the area it names, where it draws one."""

    sender = models.CharField("发布单位", max_length=200, blank=True, default="")
    event = models.CharField("事件", max_length=200, blank=True, default="")
    area_text = models.CharField("影响区域", max_length=500, blank=True, default="")
    expires_at = models.DateTimeField("失效时间", null=True, blank=True)

    class Meta(Register.Meta):
        verbose_name = "预警信息"
