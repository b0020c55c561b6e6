# SPDX-License-Identifier: Apache-2.0
"""The register of storms."""

from __future__ import annotations

from django.db import models

from chengyun.city.models import Register, tracked


@tracked
class Storm(Register):
    """A tropical cyclone of the western North Pacific.

    Its key is the year and the number China gave it, as 201211 for 2012's eleventh; one without a number of its own (also a
    second centre) has its serial number of the best track, as 2012S0007.
    """

    name_en = models.CharField("英文名", max_length=40, blank=True, default="")
    year = models.PositiveSmallIntegerField("年份", null=True, blank=True)

    class Meta(Register.Meta):
        verbose_name = "热带气旋"
