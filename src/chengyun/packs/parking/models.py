# SPDX-License-Identifier: Apache-2.0
"""The register of car parks."""

from __future__ import annotations

from django.db import models

from chengyun.city.models import Register, tracked


@tracked
class Lot(Register):
    """A public car park that says how many spaces are free."""

    capacity = models.PositiveIntegerField("泊位数", null=True, blank=True)
    """Spaces open to the public; None: not known."""
    city_name = models.CharField("所在城市", max_length=40, blank=True, default="")
    code = models.CharField("来源编码", max_length=120, blank=True, default="")

    class Meta(Register.Meta):
        verbose_name = "停车场"
