# SPDX-License-Identifier: Apache-2.0
"""The register of city components (部件)."""

from __future__ import annotations

from django.db import models

from chengyun.city.models import ComponentRegister, tracked


@tracked
class Component(ComponentRegister):
    """A thing in public space that somebody answers for: a cover, a lamp, a bench, a tree."""

    class Meta(ComponentRegister.Meta):
        verbose_name = "部件"
        indexes = [
            models.Index(fields=["category", "inspected_at"], name="component_category"),
            models.Index(fields=["grid_code"], name="component_grid", condition=~models.Q(grid_code="")),
        ]
