# SPDX-License-Identifier: Apache-2.0
"""The registers of people, of the households they live in, and of their moves."""

from __future__ import annotations

from django.db import models

from chengyun.city.models import Register, tracked


@tracked
class Person(Register):
    """A person who is registered or lives in the city. The key is the register's own number, never the identity number.

    valid_to is the day after which a person is no longer here: died, or moved away.
    """

    class Sex(models.TextChoices):
        """Standard: GB/T 2261.1-2003."""

        UNKNOWN = "0", "未知的性别"
        MALE = "1", "男性"
        FEMALE = "2", "女性"
        UNTOLD = "9", "未说明的性别"

    class Marriage(models.TextChoices):
        """Standard: GB/T 2261.2-2003, first digit."""

        SINGLE = "1", "未婚"
        MARRIED = "2", "已婚"
        WIDOWED = "3", "丧偶"
        DIVORCED = "4", "离婚"
        UNTOLD = "9", "未说明的婚姻状况"

    class Residence(models.TextChoices):
        REGISTERED = "registered", "户籍人口"
        MIGRANT = "migrant", "流动人口"

    class Relation(models.TextChoices):
        """To the head of the household. Standard: GB/T 4761-2008, first digit of each group."""

        HEAD = "0", "本人或户主"
        SPOUSE = "1", "配偶"
        SON = "2", "子"
        DAUGHTER = "3", "女"
        GRANDCHILD = "4", "孙子、孙女或外孙子、外孙女"
        PARENT = "5", "父母"
        GRANDPARENT = "6", "祖父母或外祖父母"
        SIBLING = "7", "兄、弟、姐、妹"
        OTHER = "8", "其他"

    sex = models.CharField("性别", max_length=1, choices=Sex, blank=True, default="")
    birth_date = models.DateField("出生日期", null=True, blank=True)
    id_number = models.CharField("公民身份号码", max_length=18, blank=True, default="", db_index=True)
    ethnicity = models.CharField("民族", max_length=20, blank=True, default="")
    marriage = models.CharField("婚姻状况", max_length=1, choices=Marriage, blank=True, default="")
    phone = models.CharField("联系电话", max_length=20, blank=True, default="")
    residence = models.CharField("居住类别", max_length=10, choices=Residence, blank=True, default="")
    origin_code = models.CharField("户籍地行政区划", max_length=6, blank=True, default="")
    household = models.CharField("户号", max_length=64, blank=True, default="", db_index=True)
    relation = models.CharField("与户主关系", max_length=1, choices=Relation, blank=True, default="")
    building = models.CharField("居住建筑物", max_length=64, blank=True, default="", db_index=True)
    address = models.CharField("居住地址", max_length=200, blank=True, default="")
    employer = models.CharField("工作单位统一社会信用代码", max_length=18, blank=True, default="")

    class Meta(Register.Meta):
        verbose_name = "人口"


@tracked
class Household(Register):
    """A household: people who are registered or live together."""

    class Kind(models.TextChoices):
        FAMILY = "family", "家庭户"
        COLLECTIVE = "collective", "集体户"

    kind = models.CharField("户别", max_length=10, choices=Kind, default=Kind.FAMILY)
    head = models.CharField("户主人员编码", max_length=64, blank=True, default="")
    building = models.CharField("建筑物", max_length=64, blank=True, default="", db_index=True)
    address = models.CharField("地址", max_length=200, blank=True, default="")
    size = models.PositiveSmallIntegerField("登记人数", null=True, blank=True)

    class Meta(Register.Meta):
        verbose_name = "户"


@tracked
class Migration(Register):
    """One move of one person, into the city, out of it or within."""

    class Reason(models.TextChoices):
        WORK = "work", "务工经商"
        STUDY = "study", "学习培训"
        FAMILY = "family", "投亲随迁"
        HOUSING = "housing", "购房迁居"
        OTHER = "other", "其他"

    person = models.CharField("人员编码", max_length=64, db_index=True)
    moved_on = models.DateField("迁移日期", null=True, blank=True)
    from_code = models.CharField("迁出地行政区划", max_length=12, blank=True, default="")
    to_code = models.CharField("迁入地行政区划", max_length=12, blank=True, default="")
    reason = models.CharField("迁移原因", max_length=10, choices=Reason, blank=True, default="")

    class Meta(Register.Meta):
        verbose_name = "人口迁移"
