# SPDX-License-Identifier: Apache-2.0
"""The registers of public transport. Keys are those of the timetable; a longer one is cut and ends in its digest."""

from __future__ import annotations

from django.db import models

from chengyun.city.models import Register, tracked


@tracked
class Stop(Register):
    """A place where passengers get on and off."""

    class Meta(Register.Meta):
        verbose_name = "站点"


@tracked
class Route(Register):
    """A line as passengers know it."""

    mode = models.CharField("方式", max_length=20, blank=True, default="")
    """What runs on it, by GTFS route_type."""

    class Meta(Register.Meta):
        verbose_name = "线路"


@tracked
class Vehicle(Register):
    """A vehicle that says where it is; known by its fleet number, never by who drives it."""

    class Meta(Register.Meta):
        verbose_name = "车辆"


@tracked
class Trip(Register):
    """A run as the operator's messages name it."""

    class Meta(Register.Meta):
        verbose_name = "班次"
