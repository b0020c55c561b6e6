# SPDX-License-Identifier: Apache-2.0
"""A filled-in form: OpenRosa's XML in, values and faults out. Pure; nothing of the XML is trusted."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from chengyun.errors import Malformed, Refused

__all__ = ["Instance", "read_instance"]

LARGEST = 2 * 1024 * 1024
DEEPEST, MOST_VALUES = 30, 20_000
_INSTANCE_ID = re.compile(r"uuid:[0-9a-fA-F\-]{8,60}")


@dataclass(slots=True)
class Instance:
    """form, version: as the XML names them. replaces: id of the instance this one corrects.

    values: path → text as sent, repeats numbered from 1 (`damage[2]/photo`). place: of the first answered geo question, as
    (lon, lat). faults: {"path", "value", "reason"} of what does not fit the form's types. files: names of photos it speaks of.
    """

    form: str
    version: str
    instance: str
    replaces: str | None
    filled_at: dt.datetime | None
    device: str
    values: dict[str, str] = field(default_factory=dict)
    faults: list[dict[str, str]] = field(default_factory=list)
    place: tuple[float, float] | None = None
    files: tuple[str, ...] = ()


def read_head(xml: bytes) -> tuple[str, str]:
    """Return the form and version an instance is of. Raises Malformed."""
    root = _parsed(xml)
    return _root_names(root)


def read_instance(xml: bytes, questions: Iterable[Mapping[str, Any]]) -> Instance:
    """Return the instance. questions: of the version it is of, as Question.as_json says. Raises Malformed."""
    root = _parsed(xml)
    form, version = _root_names(root)
    meta = next((it for it in root if _local(it.tag) == "meta"), None)
    told = {_local(it.tag): (it.text or "").strip() for it in meta} if meta is not None else {}
    instance = told.get("instanceID") or root.get("instanceID") or ""
    if not _INSTANCE_ID.fullmatch(instance):
        raise Malformed(f"meta/instanceID is {instance[:80]!r}, expected uuid:… as OpenRosa asks.", code="instance_id")
    types = {str(it["path"]): it for it in questions}
    found = Instance(form, version, instance, told.get("deprecatedID") or None, None, told.get("deviceID", ""))
    files = []
    for path, plain, text in _values(root):
        if plain.startswith("meta/") or plain == "meta":
            continue
        if len(found.values) >= MOST_VALUES:
            raise Malformed(f"The submission has more than {MOST_VALUES:,} values.", code="instance_too_large")
        known = types.get(plain)
        if known is None:
            if text:
                found.values[path] = text
                found.faults.append({"path": path, "value": text[:200], "reason": "the form has no such question"})
            continue
        if not text:
            continue
        found.values[path] = text
        kind = str(known["type"])
        if kind == "binary":
            files.append(text)
        elif reason := _fault(kind, text):
            found.faults.append({"path": path, "value": text[:200], "reason": reason})
        elif found.place is None and kind in ("geopoint", "geotrace", "geoshape"):
            lat, lon = (float(it) for it in text.split(";")[0].split()[:2])
            found.place = (lon, lat)
    answered = {re.sub(r"\[\d+\]", "", path) for path in found.values}
    found.files = tuple(dict.fromkeys(files))
    # Whether a required question was relevant is the form's arithmetic; what is left out of the XML was not.
    present = {plain for _, plain, _ in _values(root)}
    for path, known in types.items():
        if known["required"] and path in present and path not in answered:
            found.faults.append({"path": path, "value": "", "reason": "it is required and has no answer"})
    stamp = next((text for path, text in found.values.items() if path.split("/")[-1] in ("end", "start", "today") and text), None)
    found.filled_at = _moment(stamp) if stamp else None
    return found


def _parsed(xml: bytes) -> Any:
    try:
        from defusedxml import ElementTree
        from defusedxml.common import DefusedXmlException
    except ImportError:
        raise Refused("Forms need the extra `forms`: pip install 'chengyun[forms]'.", code="missing_extra") from None
    if len(xml) > LARGEST:
        raise Malformed(
            f"The submission's XML is larger than {LARGEST // 1024 // 1024} MB.", code="instance_too_large", status=413
        )
    try:
        return ElementTree.fromstring(xml, forbid_dtd=True)
    except DefusedXmlException as wrong:
        raise Malformed(
            "The submission's XML declares a document type or entities, which no form needs.", code="instance_dtd"
        ) from wrong
    except ElementTree.ParseError as wrong:
        raise Malformed(f"The submission is no XML: {wrong}.", code="instance_xml") from wrong


def _root_names(root: Any) -> tuple[str, str]:
    form, version = root.get("id") or "", root.get("version") or ""
    if not form:
        raise Malformed("The submission's root has no `id` that names its form.", code="instance_form")
    return form, version


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _values(root: Any) -> Iterator[tuple[str, str, str]]:
    """Yield (path with numbered repeats, path without, text) of every leaf."""
    stack: list[tuple[Any, str, str, int]] = [(root, "", "", 0)]
    while stack:
        element, path, plain, depth = stack.pop()
        children = [it for it in element if isinstance(it.tag, str)]
        if not children and depth:
            yield path, plain, (element.text or "").strip()
            continue
        if depth > DEEPEST:
            raise Malformed(f"The submission's XML is nested deeper than {DEEPEST}.", code="instance_too_deep")
        names = [_local(it.tag) for it in children]
        seen: dict[str, int] = {}
        following = []
        for child, name in zip(children, names, strict=True):
            seen[name] = seen.get(name, 0) + 1
            numbered = f"{name}[{seen[name]}]" if names.count(name) > 1 else name
            following.append((child, f"{path}/{numbered}".lstrip("/"), f"{plain}/{name}".lstrip("/"), depth + 1))
        stack += reversed(following)


def _fault(kind: str, text: str) -> str | None:
    """Return why a text is no value of an XForms type, None when it is one."""
    check = _CHECKS.get(kind)
    if check is None:
        return None
    try:
        return None if check(text) else f"it is no {kind}"
    except (ValueError, OverflowError):
        return f"it is no {kind}"


def _geo(least: int) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        points = [[float(number) for number in point.split()] for point in text.strip("; ").split(";")]
        right = all(2 <= len(it) <= 4 and abs(it[0]) <= 90 and abs(it[1]) <= 180 and all(map(math.isfinite, it)) for it in points)
        return right and len(points) >= least and (least < 4 or points[0][:2] == points[-1][:2])

    return check


def _moment(text: str) -> dt.datetime | None:
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None


_CHECKS: Mapping[str, Callable[[str], bool]] = {
    "int": lambda text: bool(re.fullmatch(r"[+-]?\d{1,18}", text)),
    "decimal": lambda text: math.isfinite(float(text)),
    "date": lambda text: bool(dt.date.fromisoformat(text[:10])),
    "time": lambda text: bool(re.match(r"\d{2}:\d{2}", text)),
    "dateTime": lambda text: bool(dt.datetime.fromisoformat(text)),
    "geopoint": _geo(1),
    "geotrace": _geo(2),
    "geoshape": _geo(4),
}
