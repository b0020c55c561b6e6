# SPDX-License-Identifier: Apache-2.0
"""The register of what is evaluated."""

from __future__ import annotations

from chengyun.city.models import Register, tracked


@tracked
class Unit(Register):
    """A city or a district that reports; its key is the code of its area."""

    class Meta(Register.Meta):
        verbose_name = "评价单元"
