# SPDX-License-Identifier: Apache-2.0
"""XML of strangers: parsed without entities of its own, without anything from outside, and without end only in its text."""

from __future__ import annotations

from xml.etree.ElementTree import Element, ParseError

__all__ = ["bare", "parse_xml", "text_of"]

MOST_BYTES = 64 * 2**20
"""The largest document that is held as a tree; what is larger is a table and comes otherwise."""


def parse_xml(data: bytes) -> Element:
    """Return the root of a document. Raises ValueError with a sentence for what is not XML, or not safe to read."""
    from defusedxml.common import DefusedXmlException  # the extra `files`, which most of the city does without
    from defusedxml.ElementTree import fromstring

    if len(data) > MOST_BYTES:
        raise ValueError(f"it has {len(data):,} bytes, expected at most {MOST_BYTES:,}")
    try:
        root: Element = fromstring(data, forbid_dtd=True)
    except DefusedXmlException as wrong:
        raise ValueError(
            f"it brings definitions of its own ({type(wrong).__name__}), which can read files or fill memory"
        ) from wrong
    except ParseError as wrong:
        raise ValueError(f"it is not XML: {wrong}") from wrong
    except (LookupError, ValueError) as wrong:
        raise ValueError(f"it is in an encoding that cannot be read: {wrong}") from wrong
    return root


def bare(element: Element) -> str:
    """Return an element's name without its namespace."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def text_of(element: Element | None) -> str:
    """Return an element's own text, its ends bare of white space; "" for none."""
    return (element.text or "").strip() if element is not None else ""
