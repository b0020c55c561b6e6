# SPDX-License-Identifier: Apache-2.0
"""The form that makes a source: what it asks for each kind, and what was typed as plain values of a Spec."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from chengyun.collect.pull.credentials import Credentials
from chengyun.collect.pull.spec import KINDS
from chengyun.errors import Refused

__all__ = ["PLAIN", "Asked", "FormPage", "form_page", "read_credentials", "read_form", "read_json"]


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing the form asks. hint: an example. long: a box of several lines. given: what was typed."""

    name: str
    label: str
    hint: str = ""
    required: bool = False
    long: bool = False
    given: str = ""


@dataclass(frozen=True)
class FormPage:
    """kind, to: what was chosen first; "" while it is being chosen. changing: key of the source that is changed; "": a new one.
    targets: (qualified key, name) of streams and registers."""

    kind: str
    to: str
    kinds: tuple[tuple[str, str], ...]
    streams: tuple[tuple[str, str], ...]
    registers: tuple[tuple[str, str], ...]
    target_name: str
    general: tuple[Asked, ...]
    reading: tuple[Asked, ...]
    columns: tuple[Asked, ...]
    given: Mapping[str, str]
    changing: str = ""


PLAIN = ("key", "name", "address", "every", "cron", "late_after", "time_zone")
"""What the form asks of every source, as a Spec calls it."""
PAGING = '{"by": "page", "parameter": "page", "size_parameter": "size", "size": 500}'
ADDRESSES = {
    "database": "mysql://10.1.2.3:3306/traffic",
    "http": "https://api.example.org/v1/counts",
    "files": "sftp://10.1.2.3/out",
}


def form_page(given: Mapping[str, str], changing: str = "") -> FormPage:
    """Return the form for what was chosen and typed so far."""
    city = settings.CITY
    kind = given.get("kind", "") if given.get("kind") in KINDS else ""
    to = given.get("to", "")
    stream, entity = city.streams.get(to), city.entities.get(to)
    if stream is None and entity is None:
        to = ""
    names = {"database": _("数据库"), "http": _("HTTP 接口"), "files": _("文件夹、SFTP、S3")}
    return FormPage(
        kind=kind,
        to=to,
        kinds=tuple((it, names[it]) for it in KINDS),
        streams=tuple((key, one.name) for key, one in city.streams.items()),
        registers=tuple((key, one.name) for key, one in city.entities.items()),
        target_name=target.name if (target := stream or entity) else "",
        general=tuple(_typed(it, given) for it in _general(kind) if not changing or it.name != "key"),
        reading=tuple(_typed(it, given) for it in _reading(kind)),
        columns=tuple(_typed(it, given) for it in _columns(to)),
        given=given,
        changing=changing,
    )


def read_form(given: Mapping[str, str]) -> dict[str, Any]:
    """Return what was typed as plain values of a Spec. Raises Refused for what is no JSON where JSON belongs."""
    kind, to = given.get("kind", ""), given.get("to", "")
    read: dict[str, Any] = {"kind": kind}
    for it in _reading(kind):
        text = given.get(it.name, "").strip()
        if not text:
            continue
        name = it.name.removeprefix("read.")
        read[name] = read_json(text) if it.long and name != "query" else text
    spec: dict[str, Any] = {"read": read}
    for name in PLAIN:
        if text := given.get(name, "").strip():
            spec[name] = text
    spec["drift"] = given.get("drift") or "stop"
    if given.get("deletions"):
        spec["deletions"] = True
    columns = {
        name.removeprefix("column."): _cell(value)
        for name, value in given.items()
        if name.startswith("column.") and value.strip()
    }
    if to in settings.CITY.streams:
        spec["stream"] = {"to": to, "columns": columns}
    else:
        spec["register"] = {"to": to, "key": columns.pop("key", ""), "columns": columns}
    return spec


def read_credentials(given: Mapping[str, str]) -> Credentials | None:
    """Return what was typed as credentials; None when nothing was."""
    found = Credentials(
        user=given.get("user", "").strip(), password=given.get("password", ""), secret=given.get("secret", "").strip(),
        private_key=given.get("private_key", "").strip(),
    )  # fmt: skip
    return found if found != Credentials() else None


def read_json(text: str) -> Any:
    """Return JSON that was typed. Raises Refused naming line and column."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as wrong:
        line, column = getattr(wrong, "lineno", 1), getattr(wrong, "colno", 1)
        said = _("第 %(line)d 行第 %(column)d 列不是有效的 JSON。请检查引号和逗号。")
        raise Refused(said % {"line": line, "column": column}, code="json") from wrong


def _cell(text: str) -> Any:
    """Return a column's name, or with "* 1000" behind it the column and its factor."""
    name, star, factor = text.strip().rpartition(" * ")
    if star:
        try:
            return {"column": name.strip(), "factor": float(factor)}
        except ValueError:
            pass  # a column may well be called so
    return text.strip()


def _general(kind: str) -> list[Asked]:
    return [
        Asked("name", _("名称"), _("例如：交警卡口流量"), required=True),
        Asked("key", _("编码"), "traffic_counts", required=True),
        Asked("address", _("地址"), ADDRESSES.get(kind, ""), required=True),
        Asked("every", _("间隔"), "10m"),
        Asked("cron", _("或按时刻（cron）"), "5 * * * *"),
        Asked("late_after", _("超过多久算滞后"), "2h"),
        Asked("time_zone", _("没有时差的时间属于"), settings.TIME_ZONE),
    ]


def _reading(kind: str) -> list[Asked]:
    match kind:
        case "database":
            return [
                Asked("read.table", _("表"), "counts"),
                Asked("read.query", _("或一条 SELECT"), "SELECT …", long=True),
                Asked("read.watermark", _("水位列：每次改动都会变大"), "updated_at"),
                Asked("read.overlap", _("往回多读多久"), "10m"),
            ]
        case "http":
            return [
                Asked("read.rows", _("行在 JSON 的哪里"), "data.items"),
                Asked("read.format", _("格式"), "json"),
                Asked(
                    "read.paging",
                    _("分页（JSON）"),
                    '{"by": "page", "parameter": "page", "size_parameter": "size", "size": 500}',
                    long=True,
                ),
                Asked("read.parameters", _("固定参数（JSON）"), '{"city": "330200"}', long=True),
                Asked("read.watermark", _("水位列：每次改动都会变大"), "updated_at"),
                Asked("read.since", _("只要新数据的参数"), "updated_after"),
                Asked("read.auth", _("凭据怎样出示：none、basic、bearer、header、query"), "none"),
                Asked("read.key_name", _("密钥的请求头或参数"), "X-API-Key"),
            ]
        case "files":
            return [
                Asked("read.pattern", _("哪些文件"), "*.csv"),
                Asked("read.members", _("压缩包里的哪些"), "*.csv"),
                Asked("read.table", _("工作表或图层"), ""),
                Asked("read.settled", _("多久不再变化才读"), "10s"),
                Asked("read.marker", _("完成标记的后缀"), ".ok"),
                Asked("read.options", _("读取选项（JSON）"), '{"encoding": "gb18030"}', long=True),
            ]
    return []


def _columns(to: str) -> list[Asked]:
    """Return one question for every column of the target: which column of the source it comes from."""
    city = settings.CITY
    if to in city.streams:
        stream = city.streams[to]
        names = {one.key: one.name for one in stream.fields} | {stream.time: _("观测时间")}
        units = {one.key: one.unit for one in stream.quantities}
        needed = (stream.entity.key, stream.time)
        return [Asked(f"column.{key}", names.get(key) or key, units.get(key, ""), key in needed) for key in stream.columns]
    if to in city.entities:
        from chengyun.collect.registering import model_of

        fields = [it for it in model_of(city, to)._meta.concrete_fields if it.name not in ("id", "simulated")]
        return [Asked(f"column.{it.name}", str(it.verbose_name), "", it.name == "key") for it in fields]
    return []


def _typed(asked: Asked, given: Mapping[str, str]) -> Asked:
    return Asked(asked.name, asked.label, asked.hint, asked.required, asked.long, given.get(asked.name, ""))
