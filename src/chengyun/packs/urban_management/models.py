# SPDX-License-Identifier: Apache-2.0
"""The register of city components (部件), and of the places beside which they matter more."""

from __future__ import annotations

from django.db import models

from chengyun.city.models import ComponentRegister, Register, tracked


@tracked
class Component(ComponentRegister):
    """A thing in public space that somebody answers for: a cover, a lamp, a bench, a tree."""

    class Meta(ComponentRegister.Meta):
        verbose_name = "部件"
        indexes = [
            models.Index(fields=["category", "inspected_at"], name="component_category"),
            models.Index(fields=["grid_code"], name="component_grid", condition=~models.Q(grid_code="")),
        ]


@tracked
class Facility(Register):
    """A school, a hospital or a commercial area: where it is and what it is called."""

    class Kind(models.TextChoices):
        SCHOOL = "school", "学校"
        HOSPITAL = "hospital", "医院"
        CBD = "cbd", "商业区"

    kind = models.CharField("种类", max_length=8, choices=Kind, blank=True, default="")

    class Meta(Register.Meta):
        verbose_name = "公共场所"
