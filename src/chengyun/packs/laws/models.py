# SPDX-License-Identifier: Apache-2.0
"""The registers of laws, rules and standards, and of the articles of them that are cited. No text is kept, only what names it."""

from __future__ import annotations

from django.db import models

from chengyun.city.models import Register, tracked


@tracked
class Law(Register):
    """One edition of a law, rule or standard. valid_from: in force from that day on; valid_to: no longer from that day."""

    class Kind(models.TextChoices):
        LAW = "law", "法律"
        REGULATION = "regulation", "行政法规"
        LOCAL = "local", "地方性法规"
        RULE = "rule", "规章"
        DOCUMENT = "document", "规范性文件"
        STANDARD = "standard", "标准"

    number = models.CharField("文号或标准号", max_length=60, blank=True, default="", db_index=True)
    kind = models.CharField("种类", max_length=12, choices=Kind, blank=True, default="")
    issuer = models.CharField("制定机关", max_length=120, blank=True, default="")
    issued = models.DateField("公布日期", null=True, blank=True)
    replaces = models.CharField("替代", max_length=200, blank=True, default="")
    replaced_by = models.CharField("被替代", max_length=200, blank=True, default="")
    amended_by = models.CharField("被修改", max_length=200, blank=True, default="")
    verified = models.BooleanField("已核实", default=False)
    """Whether number and dates were seen in public; a city sets it right here."""

    class Meta(Register.Meta):
        verbose_name = "法律法规"


@tracked
class Article(Register):
    """An article, clause, table or annex that something cites; its days are those of its law's edition."""

    law = models.CharField("法律法规", max_length=64, db_index=True, blank=True, default="")
    clause = models.CharField("条款", max_length=60, blank=True, default="")
    citation = models.CharField("引用", max_length=130, blank=True, default="", db_index=True)
    """As rules cite it: number, clause."""

    class Meta(Register.Meta):
        verbose_name = "条款"
