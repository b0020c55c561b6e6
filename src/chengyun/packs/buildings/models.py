# SPDX-License-Identifier: Apache-2.0
"""The registers of buildings and of standard addresses."""

from __future__ import annotations

from django.db import models

from chengyun.city.models import Register, tracked


@tracked
class Building(Register):
    """A building: what people live, work and shop in."""

    class Use(models.TextChoices):
        HOUSING = "housing", "住宅"
        OFFICE = "office", "办公"
        SHOPS = "shops", "商业"
        INDUSTRY = "industry", "工业仓储"
        PUBLIC = "public", "公共服务"
        MIXED = "mixed", "综合"

    class Structure(models.TextChoices):
        STEEL = "steel", "钢结构"
        CONCRETE = "concrete", "钢筋混凝土结构"
        MIXED = "mixed", "混合结构"
        BRICK = "brick", "砖木结构"
        OTHER = "other", "其他结构"

    use = models.CharField("用途", max_length=10, choices=Use, blank=True, default="")
    structure = models.CharField("结构", max_length=10, choices=Structure, blank=True, default="")
    floors = models.PositiveSmallIntegerField("地上层数", null=True, blank=True)
    built = models.PositiveSmallIntegerField("建成年份", null=True, blank=True)
    floor_area = models.FloatField("建筑面积（m²）", null=True, blank=True)
    parcel = models.CharField("不动产单元代码", max_length=28, blank=True, default="")
    address = models.CharField("标准地址", max_length=200, blank=True, default="")

    class Meta(Register.Meta):
        verbose_name = "建筑物"


@tracked
class Address(Register):
    """A standard address, whole and in its parts (GB/T 23705); one address, one code."""

    building = models.CharField("建筑物", max_length=64, blank=True, default="", db_index=True)
    province = models.CharField("省", max_length=20, blank=True, default="")
    city = models.CharField("市", max_length=20, blank=True, default="")
    county = models.CharField("区县", max_length=20, blank=True, default="")
    street = models.CharField("街道乡镇", max_length=40, blank=True, default="")
    community = models.CharField("社区村", max_length=40, blank=True, default="")
    road = models.CharField("道路", max_length=60, blank=True, default="", db_index=True)
    lane = models.CharField("弄巷", max_length=20, blank=True, default="")
    number = models.CharField("门牌号", max_length=20, blank=True, default="")
    compound = models.CharField("小区", max_length=60, blank=True, default="", db_index=True)
    block = models.CharField("幢", max_length=20, blank=True, default="")
    unit = models.CharField("单元", max_length=20, blank=True, default="")
    room = models.CharField("室", max_length=20, blank=True, default="")

    class Meta(Register.Meta):
        verbose_name = "标准地址"
