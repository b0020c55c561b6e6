# SPDX-License-Identifier: Apache-2.0
"""What the catalogue keeps.

    Provider            the unified social credit code and contact of an organisation, entered once for all its resources
    DataElement ──< Item >── Resource ──< Revision       a resource, its items, every version and who let it through
        └──< ElementChange    └── Listing                what a search looks at: narrow, kept with the resource
    Entry               a line of the duty, demand or negative list
    HarvestAddress      where a foreign catalogue is read by the clock
    Harvest             one reading of a foreign catalogue, with its faults

A resource is never deleted: what vanished is withdrawn. Only services.py, dictionary.py, sync.py, lists.py and harvest/
write here.
"""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils.translation import gettext_lazy as _

from chengyun.city.elements import ELEMENT_TYPES
from chengyun.city.models import tracked


def _words(longest: int, **more: object) -> ArrayField[list[str], list[str]]:
    return ArrayField(models.CharField(max_length=longest), default=list, blank=True, **more)  # type: ignore[arg-type]


@tracked
class Provider(models.Model):
    """What every resource of an organisation says of it. number: the two digits of 项 for its own resources, 1 to 99."""

    organisation = models.OneToOneField("access.Organisation", models.PROTECT, primary_key=True, related_name="provider")
    code = models.CharField(_("提供方代码"), max_length=18, blank=True, default="")
    contact = models.CharField(_("联系方式"), max_length=200, blank=True, default="")
    number = models.PositiveSmallIntegerField(unique=True, null=True)


class DataElement(models.Model):
    """What a field means. declared: by a pack or the kernel; otherwise people made it. source: dataset.field of record.

    format: as in an..18, n..10,2 or YYYYMMDD. domain: the values there may be, or the standard that lists them.
    replaced_by: key of the element to use instead of one that is withdrawn. version: rises with every accepted change.

    Standard: GB/T 19488.1-2004, 6: the attributes of a data element.
    """

    key = models.CharField(_("数据元标识"), max_length=130, primary_key=True)
    name = models.CharField(_("名称"), max_length=200)
    name_en = models.CharField(_("英文名称"), max_length=200, blank=True, default="")
    synonyms = _words(200)
    object_class = models.CharField(_("对象类词"), max_length=100, blank=True, default="")
    property_word = models.CharField(_("特性词"), max_length=100, blank=True, default="")
    representation = models.CharField(_("表示词"), max_length=100, blank=True, default="")
    type = models.CharField(_("数据类型"), max_length=1, choices=ELEMENT_TYPES)
    length = models.PositiveIntegerField(_("长度"), null=True, blank=True)
    format = models.CharField(_("数据格式"), max_length=40, blank=True, default="")
    domain = models.CharField(_("值域"), max_length=500, blank=True, default="")
    unit = models.CharField(_("计量单位"), max_length=40, blank=True, default="")
    definition = models.CharField(_("定义"), max_length=500, blank=True, default="")
    relation = models.CharField(_("关系"), max_length=300, blank=True, default="")
    source = models.CharField(_("数据源"), max_length=260, blank=True, default="")
    personal = models.BooleanField(_("个人信息"), default=False)
    submitter = models.CharField(_("提交机构"), max_length=200, blank=True, default="")
    note = models.CharField(_("备注"), max_length=500, blank=True, default="")
    version = models.PositiveIntegerField(_("版本"), default=1)
    approved_on = models.DateField(_("批准日期"), null=True, blank=True)
    declared = models.BooleanField(default=False)
    withdrawn = models.BooleanField(default=False)
    replaced_by = models.CharField(_("改用"), max_length=130, blank=True, default="")

    class Meta:
        ordering = ["key"]

    def __str__(self) -> str:
        return f"{self.key} {self.name}"


class ElementChange(models.Model):
    """One change of a data element: changes: field → [before, after]. base: the version it was made on, 0 for a new element.

    number: the version it became; None: it became none. element: its key, of one that may not be there yet.
    """

    class State(models.TextChoices):
        SUBMITTED = "submitted", _("待审核")
        ACCEPTED = "accepted", _("已通过")
        RETURNED = "returned", _("已退回")

    element = models.CharField(_("数据元标识"), max_length=130)
    number = models.PositiveIntegerField(_("版本"), null=True)
    base = models.PositiveIntegerField()
    state = models.CharField(_("状态"), max_length=10, choices=State, default=State.SUBMITTED)
    changes = models.JSONField(default=dict)
    reason = models.CharField(_("修改说明"), max_length=300, blank=True, default="")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    author_name = models.CharField(_("编辑人"), max_length=100)
    made_at = models.DateTimeField()
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    reviewer_name = models.CharField(_("审核人"), max_length=100, blank=True, default="")
    reviewed_at = models.DateTimeField(null=True)
    note = models.CharField(_("审核意见"), max_length=500, blank=True, default="")

    class Meta:
        ordering = ["-made_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["element", "number"], name="catalogue_element_version_once"),
            models.UniqueConstraint(
                fields=["element"], condition=models.Q(state="submitted"), name="catalogue_one_open_element_change"
            ),
            models.CheckConstraint(
                condition=~models.Q(state="accepted") | models.Q(reviewer=None) | ~models.Q(reviewer=models.F("author")),
                name="catalogue_element_four_eyes",
            ),
        ]


class Resource(models.Model):
    """A dataset as the catalogue sees it.

    key: the dataset's qualified key; `form.<key>` of a form; `ext.<slug>` of what is kept elsewhere.
    edited: fields a person has set; what is declared does not overwrite them. version: rises with every accepted change.
    updated_at: when its data last really changed; None: not known. origin: the harvested catalogue it came from, or "".
    distributions: of an external resource, as [{"url", "title", "format", "licence"}].
    """

    class State(models.TextChoices):
        DRAFT = "draft", _("草稿")
        REVIEW = "review", _("待审核")
        PUBLISHED = "published", _("已发布")
        WITHDRAWN = "withdrawn", _("已撤销")

    key = models.CharField(_("标识"), max_length=200, unique=True)
    kind = models.CharField(_("种类"), max_length=10)
    name = models.CharField(_("信息资源名称"), max_length=300)
    name_en = models.CharField(_("英文名称"), max_length=300, blank=True, default="")
    summary = models.TextField(_("信息资源摘要"), blank=True, default="")
    keywords = _words(100)
    class_code = models.CharField(_("信息资源分类"), max_length=20, blank=True, default="")
    code = models.CharField(_("信息资源代码"), max_length=40, unique=True, null=True, blank=True)
    provider = models.ForeignKey("access.Organisation", models.PROTECT, null=True, blank=True, related_name="resources")
    provider_name = models.CharField(_("信息资源提供方"), max_length=200, blank=True, default="")
    area_code = models.CharField(_("区域"), max_length=15, blank=True, default="")
    formats = _words(40)
    sharing = models.CharField(_("共享类型"), max_length=13, default="none")
    condition = models.CharField(_("共享条件"), max_length=500, blank=True, default="")
    ways = _words(10)
    basis = models.CharField(_("不予共享的依据"), max_length=500, blank=True, default="")
    open = models.BooleanField(_("是否向社会开放"), default=False)
    open_condition = models.CharField(_("开放条件"), max_length=500, blank=True, default="")
    cycle = models.CharField(_("更新周期"), max_length=10, default="irregular")
    published_on = models.DateField(_("发布日期"), null=True, blank=True)
    related = _words(40)
    secret = models.BooleanField(_("涉密"), default=False)
    personal = models.BooleanField(_("含个人信息"), default=False)
    contact = models.CharField(_("联系方式"), max_length=200, blank=True, default="")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    state = models.CharField(_("状态"), max_length=10, choices=State, default=State.DRAFT)
    version = models.PositiveIntegerField(_("版本"), default=1)
    edited = _words(30)
    url = models.CharField(_("网址"), max_length=1000, blank=True, default="")
    distributions = models.JSONField(default=list, blank=True, encoder=DjangoJSONEncoder)
    origin = models.CharField(_("来源目录"), max_length=64, blank=True, default="")
    updated_at = models.DateTimeField(_("最近更新"), null=True, blank=True)
    made_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)
    withdrawn_because = models.CharField(_("撤销原因"), max_length=300, blank=True, default="")

    class Meta:
        ordering = ["key"]
        indexes = [
            models.Index(fields=["origin"], name="catalogue_resource_origin", condition=~models.Q(origin="")),
            models.Index(fields=["provider", "name"], name="catalogue_resource_provider"),
        ]

    def __str__(self) -> str:
        return self.name


class Item(models.Model):
    """One field of a resource (信息项). source_of_record: the resource says that this is the one source of the element.

    folded: the name as duplicates are looked for. edited: attributes a person has set.
    """

    resource = models.ForeignKey(Resource, models.CASCADE, related_name="items")
    position = models.PositiveSmallIntegerField()
    key = models.CharField(_("字段"), max_length=130)
    name = models.CharField(_("信息项名称"), max_length=200)
    type = models.CharField(_("数据类型"), max_length=1, choices=ELEMENT_TYPES, default="C")
    length = models.PositiveIntegerField(_("长度"), null=True, blank=True)
    definition = models.CharField(_("说明"), max_length=500, blank=True, default="")
    personal = models.BooleanField(_("个人信息"), default=False)
    element = models.ForeignKey(DataElement, models.PROTECT, null=True, blank=True, related_name="items")
    source_of_record = models.BooleanField(_("数据源"), default=False)
    folded = models.CharField(max_length=200, default="", db_index=True)
    edited = _words(20)

    class Meta:
        ordering = ["resource", "position", "id"]
        constraints = [models.UniqueConstraint(fields=["resource", "key"], name="catalogue_item_once")]

    def __str__(self) -> str:
        return f"{self.key} {self.name}"


class Listing(models.Model):
    """What a search looks at. tokens: of names (each also marked `=`), summary, items. place: order within equally good hits.

    Kept apart from the resource, so that a search reads nothing of it but the twenty it shows.
    audience: 0 everyone the policy lets see the catalogue; 1 a draft: its provider and reviewers; 2 secret: its provider alone.
    """

    resource = models.OneToOneField(Resource, models.CASCADE, primary_key=True, related_name="listing")
    folded = models.CharField(max_length=300)
    tokens = SearchVectorField()
    place = models.IntegerField()
    kind = models.CharField(max_length=10)
    provider = models.BigIntegerField(null=True)
    area_code = models.CharField(max_length=15, default="")
    class_code = models.CharField(max_length=3, default="")
    sharing = models.CharField(max_length=13)
    cycle = models.CharField(max_length=10)
    open = models.BooleanField()
    audience = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=10)

    class Meta:
        indexes = [
            GinIndex(fields=["tokens"], name="catalogue_listing_tokens", fastupdate=False),
            models.Index(fields=["place", "resource"], name="catalogue_listing_place"),
            models.Index(fields=["folded"], name="catalogue_listing_folded"),
            models.Index(fields=["provider", "place"], name="catalogue_listing_provider"),
        ]


class Revision(models.Model):
    """One change of a resource: changes: field → [before, after]; "items" holds whole lists. base: the version it was made on.

    author None: the program itself, from declarations or a harvest. number: the version it became; None: not accepted.
    """

    class State(models.TextChoices):
        DRAFT = "draft", _("草稿")
        SUBMITTED = "submitted", _("待审核")
        ACCEPTED = "accepted", _("已通过")
        RETURNED = "returned", _("已退回")

    resource = models.ForeignKey(Resource, models.PROTECT, related_name="revisions")
    number = models.PositiveIntegerField(_("版本"), null=True)
    base = models.PositiveIntegerField()
    state = models.CharField(_("状态"), max_length=10, choices=State, default=State.DRAFT)
    changes = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    reason = models.CharField(_("修改说明"), max_length=300, blank=True, default="")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    author_name = models.CharField(_("编辑人"), max_length=100)
    made_at = models.DateTimeField()
    submitted_at = models.DateTimeField(null=True)
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    reviewer_name = models.CharField(_("审核人"), max_length=100, blank=True, default="")
    reviewed_at = models.DateTimeField(null=True)
    note = models.CharField(_("审核意见"), max_length=500, blank=True, default="")

    class Meta:
        ordering = ["-made_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["resource", "number"], name="catalogue_revision_once"),
            models.UniqueConstraint(
                fields=["resource"], condition=models.Q(state__in=["draft", "submitted"]), name="catalogue_one_open_revision"
            ),
            models.CheckConstraint(
                condition=~models.Q(state="accepted") | models.Q(reviewer=None) | ~models.Q(reviewer=models.F("author")),
                name="catalogue_four_eyes",
            ),
        ]
        indexes = [models.Index(fields=["state", "made_at"], name="catalogue_revision_state")]


class Entry(models.Model):
    """A line of one of the three lists: who must provide, who wants, who keeps back (责任, 需求, 负面清单).

    resource: what answers it, once matched. wanted: names of the items spoken of.
    """

    class List(models.TextChoices):
        DUTY = "duty", _("责任清单")
        DEMAND = "demand", _("需求清单")
        NEGATIVE = "negative", _("负面清单")

    class State(models.TextChoices):
        OPEN = "open", _("待落实")
        MATCHED = "matched", _("已对应")
        DECLINED = "declined", _("不能提供")

    list = models.CharField(_("清单"), max_length=8, choices=List)
    title = models.CharField(_("内容"), max_length=300)
    wanted = _words(200)
    organisation = models.ForeignKey("access.Organisation", models.PROTECT, related_name="+")
    area_code = models.CharField(max_length=15, blank=True, default="")
    resource = models.ForeignKey(Resource, models.PROTECT, null=True, blank=True, related_name="entries")
    basis = models.CharField(_("依据"), max_length=500, blank=True, default="")
    purpose = models.CharField(_("用途"), max_length=300, blank=True, default="")
    state = models.CharField(_("状态"), max_length=10, choices=State, default=State.OPEN)
    note = models.CharField(_("答复"), max_length=500, blank=True, default="")
    made_by = models.CharField(max_length=100)
    made_at = models.DateTimeField()
    settled_by = models.CharField(max_length=100, blank=True, default="")
    settled_at = models.DateTimeField(null=True)
    removed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["list", "-made_at", "-id"]
        indexes = [models.Index(fields=["list", "state"], name="catalogue_entry_list")]

    def __str__(self) -> str:
        return self.title


class HarvestAddress(models.Model):
    """Where a foreign catalogue is read from, how often, and how that went.

    every_h: hours between readings. pages: [{"url", "etag", "modified"}] of the last whole reading: what is asked for unless
    changed. failures: in a row, 0 after a reading that went well; trouble: the last one, in a sentence.
    """

    class State(models.TextChoices):
        ACTIVE = "active", _("按时采集")
        PAUSED = "paused", _("已暂停")

    origin = models.CharField(_("来源目录"), max_length=64, unique=True)
    url = models.CharField(_("网址"), max_length=1000)
    every_h = models.PositiveIntegerField(_("间隔（小时）"), default=24)
    state = models.CharField(_("状态"), max_length=10, choices=State, default=State.ACTIVE)
    next_at = models.DateTimeField(_("下次采集"), null=True)
    read_at = models.DateTimeField(_("最近成功"), null=True)
    pages = models.JSONField(default=list)
    failures = models.PositiveIntegerField(_("连续失败"), default=0)
    trouble = models.CharField(_("失败原因"), max_length=500, blank=True, default="")
    made_by = models.CharField(max_length=100)
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["origin"]

    def __str__(self) -> str:
        return f"{self.origin} {self.url}"


class Harvest(models.Model):
    """One reading of a foreign catalogue. faults: [{"at", "field", "says"}], at most a thousand; fault_count: all of them.

    file: its name, or the address it came from. trouble: why an address could not be read; then nothing was taken.
    """

    class Outcome(models.TextChoices):
        TAKEN = "taken", _("已采集")
        UNCHANGED = "unchanged", _("没有变化")
        FAILED = "failed", _("失败")

    origin = models.CharField(_("来源目录"), max_length=64)
    standard = models.CharField(_("标准"), max_length=20, blank=True, default="")
    file = models.CharField(_("文件"), max_length=200)
    outcome = models.CharField(_("结果"), max_length=10, choices=Outcome, default=Outcome.TAKEN)
    trouble = models.CharField(_("失败原因"), max_length=500, blank=True, default="")
    at = models.DateTimeField(_("时间"))
    actor = models.CharField(_("经办人"), max_length=100)
    found = models.PositiveIntegerField(default=0)
    added = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    withdrawn = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    fault_count = models.PositiveIntegerField(default=0)
    faults = models.JSONField(default=list)

    class Meta:
        ordering = ["-at", "-id"]
