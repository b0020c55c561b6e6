# SPDX-License-Identifier: Apache-2.0
"""The register of stations."""

from __future__ import annotations

from django.db import models

from chengyun.city.models import Register, tracked


@tracked
class Station(Register):
    """A place with docks where bikes are taken and put back."""

    capacity = models.PositiveIntegerField("锁桩数", null=True, blank=True)
    """Docks installed; None: not known."""

    class Meta(Register.Meta):
        verbose_name = "租还站点"
