# SPDX-License-Identifier: Apache-2.0
"""What the measurement registers: sensors of nothing."""

from __future__ import annotations

from chengyun.city.models import Register, tracked


@tracked
class Sensor(Register):
    """A thing that sends."""

    class Meta(Register.Meta):
        verbose_name = "测试传感器"
