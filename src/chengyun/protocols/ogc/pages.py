# SPDX-License-Identifier: Apache-2.0
"""The same documents for people: one plain page, Chinese or English as the browser asks, without a script."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.template import Context, Engine
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from chengyun.protocols.ogc.layers import Seen

__all__ = ["Cell", "Page", "Table", "feature_page", "features_page", "links_page", "render", "style"]

HERE = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True)
class Cell:
    text: str
    href: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True, slots=True)
class Field:
    """One question of a form. hint: how an answer looks."""

    name: str
    text: str
    value: str
    hint: str


@dataclass(frozen=True, slots=True)
class Page:
    """crumbs: text and address from the landing page down. json: address of the same as JSON. next: of the next page, or ""."""

    title: str
    about: str
    crumbs: Sequence[tuple[str, str]]
    tables: Sequence[Table]
    json: str
    form: Sequence[Field] = ()
    next: str = ""


@functools.cache
def _engine() -> Engine:
    return Engine(dirs=[str(HERE)], libraries={"i18n": "django.templatetags.i18n"}, autoescape=True)


@functools.cache
def style() -> bytes:
    return (HERE / "style.css").read_bytes()


def render(page: Page, root: str) -> bytes:
    """Return a page as HTML in the language that is active."""
    language = "en" if (get_language() or "").startswith("en") else "zh-CN"
    context = Context({"page": page, "root": root, "language": language})
    return _engine().get_template("page.html").render(context).encode()


def crumbs(root: str, *further: tuple[str, str]) -> list[tuple[str, str]]:
    return [(_("开放地理数据"), f"{root}/?f=html"), *further]


def layer_crumbs(root: str, seen: Seen) -> list[tuple[str, str]]:
    here = f"{root}/collections/{seen.key}"
    return crumbs(root, (_("图层"), f"{root}/collections?f=html"), (_(seen.title), f"{here}?f=html"))


def links_page(document: Mapping[str, Any], trail: Sequence[tuple[str, str]], json: str, tables: Sequence[Table] = ()) -> Page:
    """Return a document's title, words, tables and links."""
    links = [
        [
            Cell(one["title"], one["href"] if not one.get("templated") else ""),
            Cell(one["rel"].rpartition("/")[2]),
            Cell(one["href"]),
        ]
        for one in document.get("links", [])
    ]
    told = [*tables, *([Table(_("链接"), [_("名称"), _("关系"), _("地址")], links)] if links else [])]
    return Page(str(document.get("title", "")), str(document.get("description", "")), trail, told, json)


def features_page(root: str, seen: Seen, document: Mapping[str, Any], given: Mapping[str, str], json: str) -> Page:
    """Return a page of features with a form that asks for others."""
    here = f"{root}/collections/{seen.key}"
    keys = list(document["features"][0]["properties"]) if document["features"] else list(seen.columns)
    rows = [
        [
            Cell(one["id"], f"{here}/items/{quote(one['id'], safe='')}?f=html"),
            *(Cell(_text(one["properties"].get(key))) for key in keys),
        ]
        for one in document["features"]
    ]  # fmt: skip
    head = [_("编码"), *(_(seen.columns[key].title) if key in seen.columns else key for key in keys)]
    counted = _("共 %(matched)s 个，本页 %(returned)s 个") % {
        "matched": document["numberMatched"], "returned": document["numberReturned"],
    }  # fmt: skip
    following = next((one["href"] for one in document["links"] if one["rel"] == "next"), "")
    form = (
        Field("bbox", _("范围（西,南,东,北）"), given.get("bbox", ""), "121.4,29.8,121.7,30"),
        Field("filter", _("条件（CQL2）"), given.get("filter", ""), "name LIKE '海%'"),
        Field("sortby", _("排序"), given.get("sortby", ""), "-name"),
    )
    return Page(_(seen.title), _(seen.about), layer_crumbs(root, seen), [Table(counted, head, rows)], json, form, following)


def feature_page(root: str, seen: Seen, feature: Mapping[str, Any], json: str) -> Page:
    """Return one feature: its properties with their units, and where it is."""
    rows = []
    for key, value in feature["properties"].items():
        column = seen.columns.get(key)
        unit = column.unit if column and column.unit != "1" else ""
        said = column.codes.get(str(value), "") if column and column.codes else ""
        text = " ".join(
            part for part in (_text(value), unit if value is not None else "", f"({_(said)})" if said else "") if part
        )
        rows.append([Cell(_(column.title) if column else key), Cell(key), Cell(text)])
    geometry = feature["geometry"]
    if geometry is not None:
        place = ", ".join(map(str, geometry["coordinates"])) if geometry["type"] == "Point" else geometry["type"]
        rows.append([Cell(_("位置")), Cell("geometry"), Cell(place)])
    table = Table(_("属性"), [_("名称"), _("键"), _("值")], rows)
    return Page(str(feature["id"]), _(seen.title), layer_crumbs(root, seen), [table], json)


def _text(value: Any) -> str:
    match value:
        case None:
            return "—"
        case dt.datetime():
            return value.astimezone(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        case bool():
            return _("是") if value else _("否")
        case _:
            return str(value)
