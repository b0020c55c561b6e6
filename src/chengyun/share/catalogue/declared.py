# SPDX-License-Identifier: Apache-2.0
"""What the catalogue can say of the city's own datasets without asking anybody: read from declarations, models and forms."""

from __future__ import annotations

import datetime as dt
import functools
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from django.apps import apps
from django.conf import settings
from django.db import models
from django.utils.translation import gettext, gettext_noop, override

from chengyun.access.rulebook import Facts, rulebook
from chengyun.city import City, Code, DataElement, Indicator, Quantity, Ref, Stream, qualify
from chengyun.city.elements import ElementType
from chengyun.collect.forms.models import FormVersion
from chengyun.errors import Misdeclared, nearest

FILE = Path(__file__).parent / "elements.toml"
KERNEL_MODELS = {
    "areas": "areas.Area", "alerts": "operate.Alert", "cases": "cases.Case", "devices": "things.Device",
    "dead_letters": "collect.DeadLetter", "receipts": "lake.Receipt", "audit": "access.AuditRecord", "accounts": "access.Account",
    "forms": "forms.Form", "form_tasks": "forms.Task", "submissions": "forms.Submission",
}  # fmt: skip
"""Datasets of the kernel whose items are a table's columns; of the others no items are told."""
COMMON = {
    "area_code": "area.code", "lon": "place.longitude", "lat": "place.latitude", "valid_from": "record.valid_from",
    "valid_to": "record.valid_to",
}  # fmt: skip
"""Elements that the columns of every register keep."""
UNTOLD = {"password", "digest", "id"}
TYPES: tuple[tuple[type[models.Field[Any, Any]], ElementType], ...] = (
    (models.DateTimeField, "T"), (models.DateField, "D"), (models.BooleanField, "L"), (models.DecimalField, "N"),
    (models.IntegerField, "I"), (models.FloatField, "B"), (models.TextField, "M"), (models.CharField, "C"),
)  # fmt: skip
QUESTION_TYPES: Mapping[str, ElementType] = {
    "integer": "I", "int": "I", "decimal": "B", "range": "B", "date": "D", "dateTime": "T", "datetime": "T", "geopoint": "G",
    "image": "G", "photo": "G", "audio": "G", "video": "G", "file": "G",
}  # fmt: skip
CADENCES = (
    (dt.timedelta(minutes=15), "realtime"), (dt.timedelta(days=1), "day"), (dt.timedelta(days=7), "week"),
    (dt.timedelta(days=31), "month"), (dt.timedelta(days=92), "quarter"), (dt.timedelta(days=366), "year"),
)  # fmt: skip
PERIOD_CYCLES = {"hour": "day", "day": "day", "month": "month", "year": "year"}
ON_REQUEST = gettext_noop("按申请的用途，经提供方批准")


@dataclass(frozen=True, kw_only=True)
class DescribedItem:
    key: str
    name: str
    type: ElementType
    length: int | None = None
    definition: str = ""
    personal: bool = False
    element: str | None = None
    source_of_record: bool = False


@dataclass(frozen=True, kw_only=True)
class Described:
    """A dataset of the city as its declarations describe it. owner: the body that answers for it; "": the centre."""

    key: str
    kind: str
    name: str
    name_en: str
    owner: str
    summary: str
    sharing: str
    open: bool
    personal: bool
    cycle: str
    formats: list[str]
    items: list[DescribedItem] = field(default_factory=list)

    @property
    def ways(self) -> list[str]:
        return [] if self.sharing == "none" else ["interface", "file"]

    @property
    def condition(self) -> str:
        return ON_REQUEST if self.sharing == "conditional" else ""


class _ElementsFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    elements: list[dict[str, Any]]


@functools.cache
def elements() -> Mapping[str, DataElement]:
    """Return every data element the kernel and the packs declare. Raises Misdeclared, also for a binding that leads nowhere."""
    city: City = settings.CITY
    read = msgspec.convert(tomllib.loads(FILE.read_text(encoding="utf-8")), _ElementsFile)
    found = {one["key"]: DataElement(**one) for one in read.elements}
    faults = [f"data element {key!r} is the kernel's already; bind to that one." for key in city.elements if key in found]
    found |= city.elements
    for qualified, entity in city.entities.items():
        names = {name for name, _ in _columns(_model(qualified, entity.model))}
        for name, element in entity.elements.items():
            if element not in found:
                faults.append(f"{entity.at}: {qualified} binds {name!r} to {element!r}.{nearest(element, found)}")
            if name not in names:
                faults.append(f"{entity.at}: {qualified}: elements binds {name!r}, no field of it.{nearest(name, names)}")
    if faults:
        raise Misdeclared(faults)
    return found


def described() -> list[Described]:
    """Return every dataset of the city, as declared."""
    return [*(_of_facts(facts) for facts in rulebook().datasets.values()), *_forms()]


def _of_facts(facts: Facts) -> Described:
    city: City = settings.CITY
    summary, cycle, formats, items = "", "irregular", ["postgresql"], []
    match facts.kind:
        case "entity":
            entity = city.entities[facts.key]
            bound = {**COMMON, **entity.elements}
            summary = entity.one_row_is
            items = list(_model_items(facts, _model(facts.key, entity.model), bound))
        case "stream":
            stream: Stream = city.streams[facts.key]
            summary, cycle, formats = stream.one_row_is, _cycle(stream.cadence), ["iceberg"]
            items = list(_stream_items(facts, stream))
        case "indicator":
            indicator: Indicator = city.indicators[facts.key]
            summary, cycle = indicator.one_row_is, PERIOD_CYCLES[indicator.period]
            items = list(_indicator_items(indicator))
        case "case":
            summary = facts.name
            items = list(_model_items(facts, apps.get_model("cases", "Case"), {"area_code": "area.code"}))
        case "kernel":
            summary = facts.name
            if (label := KERNEL_MODELS.get(facts.key)) is not None:
                items = list(_model_items(facts, apps.get_model(label), {"area_code": "area.code"}))
    return Described(
        key=facts.key, kind="case_type" if facts.kind == "case" else facts.kind, name=facts.name, name_en=_english(facts.name),
        owner=facts.owner, summary=summary, sharing=facts.sharing, open=facts.open and not facts.personal,
        personal=facts.personal, cycle=cycle, formats=formats, items=items,
    )  # fmt: skip


def _model(qualified: str, name: str) -> type[models.Model]:
    return apps.get_model(qualified.split(".")[0], name)


def _columns(model: type[models.Model]) -> Iterator[tuple[str, models.Field[Any, Any]]]:
    for column in model._meta.concrete_fields:
        if column.name not in UNTOLD:
            yield column.name, column


def _model_items(facts: Facts, model: type[models.Model], bound: Mapping[str, str]) -> Iterator[DescribedItem]:
    for name, column in _columns(model):
        element = elements_or_none(bound.get(name))
        target = column.target_field if isinstance(column, models.ForeignKey) else column
        said = str(column.verbose_name)
        yield DescribedItem(
            key=name, name=said if said != name.replace("_", " ") else (element.name if element else name),
            type=next((letter for kind, letter in TYPES if isinstance(target, kind)), "G"),
            length=getattr(target, "max_length", None), 
            personal=facts.personal and (name in facts.masks or (element is not None and element.personal)),
            definition=element.definition if element else "", element=element.key if element else None,
            source_of_record=element is not None and element.source == f"{facts.key}.{name}",
        )  # fmt: skip


def elements_or_none(key: str | None) -> DataElement | None:
    return elements().get(key) if key else None


def _stream_items(facts: Facts, stream: Stream) -> Iterator[DescribedItem]:
    entity = settings.CITY.entities[qualify(facts.key.split(".")[0], stream.entity.to)]
    yield DescribedItem(key=stream.entity.key, name=entity.name, type="C", length=64, personal=facts.personal)
    yield DescribedItem(key=stream.time, name="时间", type="T")
    for one in stream.fields:
        match one:
            case Quantity():
                unit = "" if one.unit == "1" else one.unit
                yield DescribedItem(key=one.key, name=one.name, type="B", definition=unit)
            case Code():
                yield DescribedItem(
                    key=one.key, name=one.name, type="C", definition="、".join(f"{k} {v}" for k, v in one.codes.items())[:500]
                )
            case Ref():
                pass
            case _:
                yield DescribedItem(key=one.key, name=one.name, type="C", length=one.longest)


def _indicator_items(one: Indicator) -> Iterator[DescribedItem]:
    yield DescribedItem(key="subject", name="对象", type="C", length=64, element="area.code" if one.subject == "area" else None)
    yield DescribedItem(key="period_start", name="时段起", type="T")
    yield DescribedItem(key=one.value, name=one.name, type="B", definition="" if one.unit == "1" else one.unit)
    for key, (name, unit) in one.columns.items():
        if key != one.value:
            yield DescribedItem(key=key, name=name, type="B", definition="" if unit == "1" else unit)


def _forms() -> Iterable[Described]:
    shown = FormVersion.objects.filter(state=FormVersion.State.PUBLISHED).select_related("form__organisation").order_by("form_id")
    for version in shown:
        form = version.form
        yield Described(
            key=f"form.{form.key}", kind="form", name=form.title, name_en=_english(form.title),
            owner=form.organisation.name if form.organisation else "", summary=form.title, sharing="none", open=False,
            personal=True, cycle="irregular", formats=["postgresql"], items=list(_questions(version.questions)),
        )  # fmt: skip


def _questions(questions: list[dict[str, Any]]) -> Iterator[DescribedItem]:
    for one in questions:
        label = next((text for text in one["labels"].values() if text), one["path"])
        yield DescribedItem(key=one["path"][:130], name=label[:200], type=QUESTION_TYPES.get(one["type"], "C"))


def _cycle(cadence: dt.timedelta | None) -> str:
    return "irregular" if cadence is None else next((cycle for span, cycle in CADENCES if cadence <= span), "irregular")


def _english(name: str) -> str:
    with override("en"):
        said = gettext(name)
    return said if said != name else ""
