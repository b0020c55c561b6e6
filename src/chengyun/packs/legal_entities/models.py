# SPDX-License-Identifier: Apache-2.0
"""The registers of legal entities, of their licences, and of how they hang together."""

from __future__ import annotations

from django.db import models

from chengyun.city.models import Register, tracked


@tracked
class Enterprise(Register):
    """A firm, institution, association or sole trader. The key is the unified social credit code, abroad a code of its own."""

    class Kind(models.TextChoices):
        COMPANY = "company", "企业"
        TRADER = "trader", "个体工商户"
        COOPERATIVE = "cooperative", "农民专业合作社"
        INSTITUTION = "institution", "机关事业单位"
        ASSOCIATION = "association", "社会组织"
        FOREIGN = "foreign", "境外登记"

    class Standing(models.TextChoices):
        ACTIVE = "active", "存续"
        REVOKED = "revoked", "吊销"
        CANCELLED = "cancelled", "注销"
        MOVED = "moved", "迁出"

    uscc = models.CharField("统一社会信用代码", max_length=18, blank=True, default="")
    kind = models.CharField("类型", max_length=12, choices=Kind, blank=True, default="")
    standing = models.CharField("登记状态", max_length=10, choices=Standing, blank=True, default="")
    representative = models.CharField("法定代表人", max_length=60, blank=True, default="")
    established = models.DateField("成立日期", null=True, blank=True)
    capital = models.DecimalField("注册资本（万元）", max_digits=16, decimal_places=2, null=True, blank=True)
    industry = models.CharField("行业代码", max_length=8, blank=True, default="")
    """GB/T 4754, as far as it is known."""
    scope = models.CharField("经营范围", max_length=500, blank=True, default="")
    address = models.CharField("住所", max_length=200, blank=True, default="")
    building = models.CharField("建筑物", max_length=64, blank=True, default="", db_index=True)
    phone = models.CharField("联系电话", max_length=20, blank=True, default="")
    registrar = models.CharField("登记机关", max_length=100, blank=True, default="")

    class Meta(Register.Meta):
        verbose_name = "法人单位"


@tracked
class Licence(Register):
    """A licence of one holder; its terms are the days its statements hold for."""

    class Standing(models.TextChoices):
        ISSUED = "issued", "有效"
        CANCELLED = "cancelled", "注销"
        REVOKED = "revoked", "吊销"

    enterprise = models.CharField("持有人", max_length=64, db_index=True, blank=True, default="")
    number = models.CharField("证号", max_length=60, blank=True, default="")
    kind = models.CharField("许可类别", max_length=120, blank=True, default="")
    activity = models.CharField("许可事项", max_length=300, blank=True, default="")
    application = models.CharField("申请类型", max_length=20, blank=True, default="")
    standing = models.CharField("状态", max_length=10, choices=Standing, blank=True, default="")
    registrar = models.CharField("发证机关", max_length=100, blank=True, default="")

    class Meta(Register.Meta):
        verbose_name = "许可证"


@tracked
class Relation(Register):
    """One tie between a legal entity and another, or a person."""

    class Kind(models.TextChoices):
        SHAREHOLDER = "shareholder", "股东"
        REPRESENTATIVE = "representative", "法定代表人"
        BRANCH = "branch", "分支机构"
        MANAGER = "manager", "高级管理人员"

    enterprise = models.CharField("法人单位", max_length=64, db_index=True, blank=True, default="")
    kind = models.CharField("关系", max_length=16, choices=Kind, blank=True, default="")
    other = models.CharField("关联法人单位", max_length=64, db_index=True, blank=True, default="")
    person = models.CharField("关联人", max_length=60, blank=True, default="")
    share = models.DecimalField("比例（%）", max_digits=5, decimal_places=2, null=True, blank=True)

    class Meta(Register.Meta):
        verbose_name = "关联关系"
