# SPDX-License-Identifier: Apache-2.0
"""One document, written as JSON or as XML: every field of the one is a field of the other, so they cannot differ.

An XML element of a list is named by ELEMENTS. What is None in JSON is an empty element in XML.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal
from xml.sax.saxutils import escape

import msgspec

__all__ = ["TYPES", "Format", "write"]

Format = Literal["json", "xml"]
TYPES: Mapping[str, str] = {"json": "application/json", "xml": "text/xml"}
"""Exactly these, without a charset: JSON is UTF-8, and the XML says so itself."""
ELEMENTS = {
    "services": "service", "service_requests": "request", "attributes": "attribute", "values": "value", "errors": "error",
    "endpoints": "endpoint", "formats": "format", "history": "update",
}  # fmt: skip
FORBIDDEN = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no XML 1.0 document may hold, escaped or not."""


def write(root: str, document: Any, form: Format) -> bytes:
    """Return a document's bytes. root: the XML's outermost element; JSON has none."""
    if form == "json":
        return msgspec.json.encode(document)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{_element(root, document)}\n'.encode()


def _element(name: str, value: Any) -> str:
    inside = _inside(name, value)
    return f"<{name}>{inside}</{name}>" if inside else f"<{name}/>"


def _inside(name: str, value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case Mapping():
            return "".join(_element(key, one) for key, one in value.items())
        case str():
            return escape(FORBIDDEN.sub("�", value))
        case Sequence():
            return "".join(_element(ELEMENTS[name], one) for one in value)
        case _:
            return msgspec.json.encode(value).decode()
