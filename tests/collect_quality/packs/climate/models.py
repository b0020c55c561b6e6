# SPDX-License-Identifier: Apache-2.0
"""Thermometers, with a place and nothing else."""

from __future__ import annotations

from chengyun.city.models import Register, tracked


@tracked
class Thermometer(Register):
    class Meta(Register.Meta):
        verbose_name = "温度计"
