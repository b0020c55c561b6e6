# SPDX-License-Identifier: Apache-2.0
"""What the audit log keeps beside a deed, as pairs of a word and what it says, in the page's language.

    {"fields": ["name", "phone"], "subjects": {"count": 3, "root": …}}  ─▶  字段：姓名、手机  ·  涉及人数：3

The record itself is never changed: it is chained as it was written.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chengyun.access.models import Account, AuditRecord, Organisation, Role
from chengyun.access.rulebook import rulebook
from chengyun.cases.intake.models import Call
from chengyun.city import City
from chengyun.operate.probation.models import FiledRule
from chengyun.share.lineage.declared import register_columns
from chengyun.share.requests.models import Request
from chengyun.web import places, shown

__all__ = ["TERMS", "Names", "Said", "about", "said_of"]

MOST = 12
"""Items of a list that are shown; how many there are is said."""

TERMS: Mapping[str, str | Promise] = {
    "accepted": _("通过"), "account": _("人员"), "active": _("在用"), "added": _("新增"), "address": _("地址"),
    "after": _("变为"), "alert": _("预警"), "annotation": _("批注"), "area": _("区域"), "area_code": _("区域"),
    "asked": _("查询条件"), "at": _("时刻"), "authority": _("权威程度"), "automatic": _("自动"), "before": _("早于"),
    "boards": _("看板数"), "browser": _("常用浏览器"), "bytes": _("字节"), "cancelled": _("已取消"), "card": _("检验结果"),
    "case": _("案件"), "cases": _("案件数"), "category": _("类别"), "change": _("改动"), "changed": _("修改"),
    "chosen": _("选定方案"), "column": _("字段"), "columns": _("字段对应"), "command": _("指令"), "components": _("部件数"),
    "consent": _("本人同意"), "count": _("数量"), "crew": _("班组"), "cron": _("周期"), "day": _("日期"), "days": _("天数"),
    "decision": _("处理方式"), "digest": _("摘要"), "dropped": _("移除"), "due_day": _("到期日"), "element": _("数据元"),
    "enabled": _("启用"), "ended": _("停用"), "entities": _("对象数"), "entity": _("对象"), "every_h": _("每几小时"),
    "faults": _("错误数"), "feed": _("接入"), "field": _("字段"), "fields": _("字段"), "files": _("文件"),
    "filtered": _("带筛选条件"), "finding": _("发现编号"), "first": _("起"), "for": _("提请"), "form": _("表单"),
    "format": _("格式"), "formats": _("格式"), "found": _("找到"), "from": _("原为"), "grants": _("授权"), "how": _("方式"),
    "indicator": _("指标"), "key": _("编码"), "keys": _("编码"), "kind": _("种类"), "last": _("止"), "left": _("左表"),
    "letters": _("各流条数"), "level": _("层级"), "line": _("热线"), "list": _("清单"), "live": _("可用"),
    "load": _("导入批次"), "looks": _("查阅次数"), "made": _("新建"), "match": _("匹配条件"), "members": _("人数"),
    "mended": _("改正后重试"), "method": _("方法"), "minutes": _("分钟"), "model": _("模型"), "month": _("月份"),
    "months": _("月份"), "name": _("名称"), "neighbour": _("节点"), "note": _("说明"), "number": _("编号"),
    "of_purpose": _("原用途"), "offer": _("建议"), "on": _("日期"), "organisation": _("部门"), "outcome": _("结果"),
    "owner": _("承办部门"), "pack": _("应用包"), "page": _("页"), "passed": _("合格"), "path": _("问题"), "pattern": _("主题"),
    "people": _("填报人数"), "period": _("时段"), "person": _("人员"), "question": _("问题"), "reads": _("读取次数"),
    "reason": _("理由"), "recipient": _("收件人"), "reference": _("引用"), "register": _("登记"), "repair": _("修正编号"),
    "repeats": _("每次份数"), "report": _("报送编号"), "review_on": _("复盘日期"), "right": _("右表"), "role": _("岗位"),
    "rows": _("行数"), "run": _("批次"), "same": _("同一含义"), "same_as": _("与之相同"), "scopes": _("权限"),
    "server": _("对方系统"), "set": _("已设置"), "sha256": _("SHA-256"), "shift": _("班次"), "since": _("起"),
    "starts": _("开始"), "state": _("状态"), "stream": _("感知流"), "subject": _("对象"), "subjects": _("涉及人数"),
    "successor": _("新密钥"),
    "taken_back": _("已收回"), "tile": _("面板"), "tiles": _("面板数"), "times_a_year": _("每年次数"), "to": _("给"),
    "turns": _("班次数"), "type": _("案件类型"), "until": _("止"), "url": _("地址"), "username": _("账号"), "value": _("数值"),
    "version": _("版本"), "way": _("途径"), "ways": _("道路数"), "why": _("理由"), "with": _("其余项数"),
    "withdrawn": _("撤下"), "withheld": _("暂不采用"),
}  # fmt: skip
"""What the keys of details are called. A test holds them to what is recorded."""

_ABOUT: Mapping[str, str | Promise] = {
    "reads by body": _("各部门读取情况"), "call back": _("待回访名单"), "admin": _("系统管理"), "list": _("名单"),
}  # fmt: skip
"""What was read where that is no single thing with a key."""
_VALUES: Mapping[tuple[str, str], str | Promise] = {
    ("way", "exchange"): _("数据交换"), ("way", "file"): _("批量文件"),
    ("shown", "clear"): _("明文"), ("shown", "pseudonym"): _("假名"), ("shown", "masked"): _("掩码"),
}  # fmt: skip
_DATASETS = frozenset({"stream", "entity", "register", "indicator", "type", "left", "right"})
_BODIES = frozenset({"organisation", "owner", "to"})
_PERSONS = frozenset({"account", "person", "recipient"})
_NUMBERS = frozenset({
    "annotation", "command", "finding", "repair", "report", "load", "run", "shift", "alert", "page", "number", "version",
    "from", "to",
})  # fmt: skip
"""Which one, not how many."""
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)")


@dataclass(frozen=True, slots=True)
class Said:
    """One word of a detail and what it says."""

    term: str
    value: str


@dataclass(frozen=True, slots=True)
class Names:
    """What bodies and persons are called that details speak of by key and number; found once for a page of records."""

    bodies: Mapping[str, str] = field(default_factory=dict)
    persons: Mapping[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Iterable[AuditRecord]) -> Names:
        bodies, persons = set[str](), set[int]()
        for row in rows:
            bodies.add(row.organisation)
            bodies |= {value for key, value in row.detail.items() if key in _BODIES and isinstance(value, str)}
            persons |= {value for key, value in row.detail.items() if key in _PERSONS and type(value) is int}
        return cls(
            dict(Organisation.objects.filter(key__in=bodies).values_list("key", "name")),
            dict(Account.objects.filter(pk__in=persons).values_list("pk", "name")) if persons else {},
        )


def about(target: str) -> str:
    """Return what a deed was about: its key, or in words what has none."""
    return places.said(str(_ABOUT.get(target, target)))


def said_of(row: AuditRecord, names: Names) -> tuple[Said, ...]:
    """Return a record's detail in words, in the order it was written.

    Whose rows were shown is said as how many alone: the root over them is for `chengyun audit verify`.
    """
    told = []
    for key, value in row.detail.items():
        if key == "subjects" and isinstance(value, Mapping):
            value = value.get("count")
        states = _states(row.action) if key in ("state", "from", "to", "outcome") else {}
        said = states.get(str(value)) or _value(key, value, row.dataset, names)
        told.append(Said(str(TERMS.get(key, key)), said))
    return tuple(told)


def _states(action: str) -> dict[str, str]:
    """Return what the states are called that a kind of deed speaks of."""
    match action.partition(".")[0]:
        case "case":
            city: City = settings.CITY
            return {one.key: gettext(one.name) for kind in city.cases.values() for one in kind.states}
        case "request":
            return {key: str(said) for key, said in Request.State.choices}
        case "alert_rule":
            return {key: str(said) for key, said in FiledRule.State.choices}
        case "hotline":
            return {key: str(said) for key, said in Call.Outcome.choices}
    return {}


def _value(key: str, value: Any, dataset: str, names: Names) -> str:
    if value in (None, "", [], {}):
        return shown.NOTHING
    match value:
        case bool():
            return gettext("是") if value else gettext("否")
        case int():
            if key in _PERSONS:
                return names.persons.get(value, str(value))
            return str(value) if key in _NUMBERS else shown.number(value)
        case float():
            return f"{value:g}"
        case str():
            return _text(key, value, dataset, names)
        case Mapping():
            of_fields = key in ("fields", "columns")
            words = (
                (
                    _field(name, dataset) if of_fields else str(TERMS.get(name, _dataset(name))),
                    _value("shown", one, dataset, names),
                )
                for name, one in value.items()
            )
            return _listed([f"{name}{shown.mark('：')}{one}" for name, one in words])
        case Sequence():
            return _listed([_value(key, one, dataset, names) for one in value])
    return str(value)


def _text(key: str, value: str, dataset: str, names: Names) -> str:
    if (key, value) in _VALUES:
        return str(_VALUES[key, value])
    if key in ("field", "fields"):
        return _field(value, dataset)
    if key in _DATASETS:
        return _dataset(value)
    if key in (*_BODIES, "role"):
        return places.said(names.bodies[value]) if value in names.bodies else str(dict(Role.choices).get(value, value))
    if _INSTANT.fullmatch(value):
        return shown.moment(dt.datetime.fromisoformat(value))
    # Names that the program gave, of a file or an authority, have their words in every language; what people wrote stays.
    return places.said(value)


def _listed(items: Sequence[str]) -> str:
    if len(items) <= MOST:
        return shown.listed(items)
    return gettext("%(some)s 等 %(count)d 项") % {"some": shown.listed(items[:MOST]), "count": len(items)}


def _dataset(key: str) -> str:
    facts = rulebook().datasets.get(key)
    return gettext(facts.name) if facts else key


def _field(name: str, dataset: str) -> str:
    """Return what a dataset calls a field."""
    city: City = settings.CITY
    if dataset in city.entities:
        found = next((one.name for one in register_columns(city, dataset) if one.key in (name, f"{name}_id")), "")
    elif dataset in city.streams:
        found = next((one.name for one in city.streams[dataset].fields if one.key == name), "")
    else:
        found = ""
    return gettext(found) if found else name
