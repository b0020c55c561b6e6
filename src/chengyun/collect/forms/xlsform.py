# SPDX-License-Identifier: Apache-2.0
"""From an XLSForm to the XForm that ODK Collect and the browser fill in. Pure: bytes in, a form or a sentence out.

XLSForm as pyxform reads it (xlsform.org); .xlsx, .xls, .csv and .md.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any

from chengyun.errors import Malformed, Refused

__all__ = ["Converted", "Question", "convert", "questions_of"]

LARGEST = 8 * 1024 * 1024
KEY = re.compile(r"(?!(?:submissions|fill)$)[A-Za-z][A-Za-z0-9_.\-]{0,63}")
"""A form's key stands in addresses beside /forms/submissions and /forms/fill."""
VERSION = re.compile(r"[^/\s](?:[^/\n]{0,38}[^/\s])?")
"""A version stands in addresses too."""
_XFORMS = "{http://www.w3.org/2002/xforms}"
_HTML = "{http://www.w3.org/1999/xhtml}"
_JAVAROSA = "{http://openrosa.org/javarosa}"


@dataclass(frozen=True, slots=True)
class Question:
    """One question. path: below the root, e.g. "damage/photo". repeats: paths of the repeats it stands in.

    labels: language → text; "" where the form has one language. element: key of the data element it asks for, as the column
    `element` (or `bind::chengyun:element`) of the survey sheet says; "" where it says nothing.
    """

    path: str
    type: str
    required: bool
    labels: dict[str, str]
    repeats: tuple[str, ...]
    element: str = ""

    def as_json(self) -> dict[str, Any]:
        said = {
            "path": self.path,
            "type": self.type,
            "required": self.required,
            "labels": self.labels,
            "repeats": list(self.repeats),
        }
        return {**said, "element": self.element} if self.element else said


@dataclass(frozen=True, slots=True)
class Converted:
    """A form that can be filled in. digest: of the XForm, as OpenRosa's `hash` names it."""

    key: str
    version: str
    title: str
    languages: tuple[str, ...]
    xform: str
    digest: str
    questions: tuple[Question, ...]
    warnings: tuple[str, ...]


def convert(source: bytes, name: str) -> Converted:
    """Return the form of an XLSForm file. Raises Malformed with what is wrong and where."""
    try:
        from pyxform.errors import PyXFormError
        from pyxform.xls2xform import convert as read
    except ImportError:
        raise Refused("Forms need the extra `forms`: pip install 'chengyun[forms]'.", code="missing_extra") from None
    if len(source) > LARGEST:
        raise Malformed(f"The form is larger than {LARGEST // 1024 // 1024} MB.", code="form_too_large", status=413)
    kind = PurePath(name).suffix.lower()
    if kind not in (".xlsx", ".xls", ".csv", ".md"):
        raise Malformed(f"{name[:80]} is no XLSForm; expected .xlsx, .xls, .csv or .md.", code="form_kind")
    given: Any = io.BytesIO(source)
    if kind in (".md", ".csv"):
        try:
            given = source.decode("utf-8-sig")
        except UnicodeDecodeError as wrong:
            raise Malformed(f"{name[:80]} is not UTF-8 (byte {wrong.start}). Save it as UTF-8, or send .xlsx.") from wrong
    try:
        made = read(xlsform=given, file_type=kind, pretty_print=False)
    except PyXFormError as wrong:
        raise Malformed(f"The form cannot be used: {str(wrong).strip()}", code="form_wrong") from wrong
    except Exception as wrong:  # a broken workbook ends in whatever its reader raises
        raise Malformed(
            f"{name[:80]} cannot be read as a form: {type(wrong).__name__}: {wrong}"[:400], code="form_unreadable"
        ) from wrong
    return _described(made.xform, tuple(made.warnings), dict(_elements(made._pyxform, "")))


def _elements(said: Mapping[str, Any], above: str) -> Iterator[tuple[str, str]]:
    """Yield (path, data element) of every question of a form as pyxform holds it that names one."""
    for child in said.get("children") or ():
        path = f"{above}/{child.get('name', '')}".lstrip("/")
        named = child.get("element") or (child.get("bind") or {}).get("chengyun:element")
        if isinstance(named, str) and named.strip():
            yield path, named.strip()
        yield from _elements(child, path)


def _described(xform: str, warnings: tuple[str, ...], elements: Mapping[str, str]) -> Converted:
    from xml.etree import ElementTree

    try:
        root = ElementTree.fromstring(xform)  # noqa: S314  pyxform has just made it
    except ElementTree.ParseError as wrong:  # out of characters that XML has no place for, which it does not look for
        line, column = wrong.position
        near = re.sub(r"[^\x20-\ud7ff]", "?", xform.split("\n")[line - 1][max(0, column - 40) : column + 1])
        raise Malformed(
            f"The form has a character that cannot be shown, near {near!r}. Type that cell anew.", code="form_wrong"
        ) from wrong
    model = root.find(f"{_HTML}head/{_XFORMS}model")
    data = None if model is None else next(iter(model.find(f"{_XFORMS}instance") or ()), None)
    if model is None or data is None:
        raise Malformed("The form has no question.", code="form_empty")
    key, version = data.get("id", ""), data.get("version", "")
    if not KEY.fullmatch(key):
        raise Malformed(
            f"form_id is {key[:80]!r}, expected a letter and then letters, digits, _ . or -, 64 at most (sheet settings).",
            code="form_key",
        )
    if not VERSION.fullmatch(version):
        raise Malformed(
            f"version is {version[:80]!r}, expected 1 to 40 characters without /, e.g. 2026112201 (sheet settings).",
            code="form_version",
        )
    title = root.findtext(f"{_HTML}head/{_HTML}title") or key
    languages = tuple(it.get("lang", "") for it in model.findall(f"{_XFORMS}itext/{_XFORMS}translation"))
    digest = hashlib.md5(xform.encode(), usedforsecurity=False).hexdigest()  # OpenRosa's form list names forms by md5
    return Converted(
        key,
        version,
        title[:200],
        languages,
        xform,
        f"md5:{digest}",
        tuple(replace(it, element=elements.get(it.path, "")) for it in questions_of(root)),
        warnings,
    )


def questions_of(root: Any) -> list[Question]:
    """Return a parsed XForm's questions in the order of its binds."""
    model = root.find(f"{_HTML}head/{_XFORMS}model")
    texts: dict[str, dict[str, str]] = {}
    for translation in model.findall(f"{_XFORMS}itext/{_XFORMS}translation"):
        for text in translation.findall(f"{_XFORMS}text"):
            value = next((it for it in text.findall(f"{_XFORMS}value") if not it.get("form")), None)
            said = "" if value is None else "".join(value.itertext()).strip()
            texts.setdefault(text.get("id", ""), {})[translation.get("lang", "")] = said
    labels: dict[str, dict[str, str]] = {}
    repeats = sorted(it.get("nodeset", "") for it in root.iter(f"{_XFORMS}repeat"))
    for element in root.find(f"{_HTML}body").iter():
        ref, label = element.get("ref"), element.find(f"{_XFORMS}label")
        if ref and label is not None:
            asked = label.get("ref", "")
            text_id = asked.removeprefix("jr:itext('").removesuffix("')") if asked.startswith("jr:itext") else None
            labels[ref] = texts.get(text_id, {}) if text_id else {"": "".join(label.itertext()).strip()}
    found = []
    for bind in model.findall(f"{_XFORMS}bind"):
        nodeset = bind.get("nodeset", "")
        path = nodeset.split("/", 2)[-1]
        if path.startswith("meta/") or not bind.get("type"):
            continue
        own = tuple(it.split("/", 2)[-1] for it in repeats if nodeset.startswith(f"{it}/"))
        required = bind.get("required") == "true()"
        found.append(Question(path, bind.get("type", "string"), required, labels.get(nodeset, {}), own))
    return found
