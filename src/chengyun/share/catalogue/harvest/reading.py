# SPDX-License-Identifier: Apache-2.0
"""Bytes in, foreign datasets out: which standard a file is written in is told by the file itself.

Nothing is fetched while reading: a JSON-LD context elsewhere, an entity or a DTD is refused.
"""

from __future__ import annotations

import gzip
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from chengyun.errors import Malformed, Refused
from chengyun.share.catalogue.harvest.foreign import Distribution, Foreign, text_of

__all__ = ["Page", "read_catalogue", "read_page"]

LARGEST = 256 * 1024 * 1024
"""Bytes of a file, unpacked."""
_WEB_PAGE = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype\s+html|html)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a catalogue. next: where it says that the next one is. total: of the datasets of all pages, where it says."""

    standard: str
    found: list[Foreign]
    next: str | None = None
    total: int | None = None


def read_catalogue(data: bytes, name: str = "") -> tuple[str, list[Foreign]]:
    """Return the standard a file follows (dcat-us, ckan, links, dcat) and its datasets. Raises Refused or Malformed."""
    page = read_page(data, name)
    return page.standard, page.found


def read_page(data: bytes, name: str = "") -> Page:
    """Return what stands in one file or answer. Raises Refused or Malformed."""
    data = _unpacked(data)
    begins = data.lstrip()[:1]
    if _WEB_PAGE.match(data):
        raise Malformed(_("%s：这是网页，不是目录。请核对网址，或改用目录的下载地址。") % (name or "—"), code="web_page")
    if begins in (b"{", b"["):
        try:
            read = json.loads(data)
        except UnicodeDecodeError as wrong:
            raise _not_utf8(name) from wrong
        except (ValueError, RecursionError) as wrong:
            said = _("%(name)s：不是完整的 JSON（%(why)s）。请重新下载目录后再试。") % {"name": name or "—", "why": wrong}
            raise Malformed(said, code="json") from wrong
        if isinstance(read, list) and all(isinstance(it, dict) and "urls" in it for it in read):
            return Page("links", list(_links(read)))
        if isinstance(read, dict) and isinstance(read.get("result"), dict):
            count = read["result"].get("count")
            return Page("ckan", [_ckan(it) for it in _entries(read["result"].get("results"))], total=_number(count))
        if isinstance(read, dict) and _is_ckan(read):
            return Page("ckan", [_ckan(read)])
        if isinstance(read, dict) and isinstance(read.get("dataset"), list):
            return Page("dcat-us", [_dcat_us(it) for it in _entries(read["dataset"])])
        return _rdf(data, "json-ld", name, read)
    return _rdf(data, "xml" if begins == b"<" else "turtle", name)


def _number(found: Any) -> int | None:
    return found if type(found) is int and found >= 0 else None


def _unpacked(data: bytes) -> bytes:
    if data[:2] == b"\x1f\x8b":
        try:
            with gzip.open(io.BytesIO(data)) as packed:
                data = packed.read(LARGEST + 1)
        except (OSError, EOFError) as wrong:
            raise Malformed(_("文件不能解压（%s）。请重新下载。") % wrong, code="gzip") from wrong
    if len(data) > LARGEST:
        raise Refused(_("目录大于 %d MB，请分成几部分采集。") % (LARGEST >> 20), code="too_large")
    if not data.strip():
        raise Refused(_("目录是空的，请核对网址或文件。"), code="empty")
    return data


def _not_utf8(name: str) -> Malformed:
    return Malformed(_("%s：不是 UTF-8 编码的文本。请另存为 UTF-8 后再试。") % (name or "—"), code="encoding")


def _entries(found: Any) -> list[Mapping[str, Any]]:
    """Return the datasets of a list; what is no object has nothing of one, and is counted and reported as such."""
    return [_mapping(it) for it in found] if isinstance(found, list) else []


def _objects(found: Any) -> list[Mapping[str, Any]]:
    return [it for it in found if isinstance(it, Mapping)] if isinstance(found, list) else []


def _mapping(found: Any) -> Mapping[str, Any]:
    return found if isinstance(found, Mapping) else {}


def _dcat_us(one: Mapping[str, Any]) -> Foreign:
    contact = _mapping(one.get("contactPoint"))
    licence = text_of(one.get("license"))
    return Foreign(
        identifier=text_of(one.get("identifier")),
        title=text_of(one.get("title")),
        title_en=text_of(one.get("title")),
        description=text_of(one.get("description")),
        publisher=text_of(one.get("publisher")),
        contact=" ".join(
            it for it in (text_of(contact.get("fn")), text_of(contact.get("hasEmail")).removeprefix("mailto:")) if it
        ),
        licence=licence,
        frequency=text_of(one.get("accrualPeriodicity")),
        modified=text_of(one.get("modified")),
        issued=text_of(one.get("issued")),
        landing=text_of(one.get("landingPage")),
        access=text_of(one.get("accessLevel")) or "public",
        keywords=_words(one.get("keyword")),
        distributions=tuple(
            Distribution(
                text_of(it.get("downloadURL")) or text_of(it.get("accessURL")),
                text_of(it.get("title")),
                text_of(it.get("format")) or text_of(it.get("mediaType")),
                text_of(it.get("license")) or licence,
            )
            for it in _objects(one.get("distribution"))
        ),
    )


def _is_ckan(read: Mapping[str, Any]) -> bool:
    return isinstance(read.get("resources"), list) and "name" in read and "notes" in read


def _ckan(one: Mapping[str, Any]) -> Foreign:
    extras = {text_of(it.get("key")): text_of(it.get("value")) for it in _objects(one.get("extras"))}
    organisation = _mapping(one.get("organization"))
    licence = text_of(one.get("license_url")) or text_of(one.get("license_id"))
    people = [text_of(one.get(name)) for name in ("maintainer", "maintainer_email", "author", "author_email")]
    return Foreign(
        identifier=text_of(one.get("id")) or text_of(one.get("name")),
        title=text_of(one.get("title")),
        title_en=text_of(one.get("title")),
        description=text_of(one.get("notes")),
        publisher=text_of(organisation.get("title")) or extras.get("publisher_name", ""),
        contact=" ".join(it for it in people[:2] if it)
        or " ".join(it for it in people[2:] if it)
        or extras.get("contact_email", ""),
        licence=licence,
        frequency=extras.get("frequency", ""),
        modified=text_of(one.get("metadata_modified")),
        issued=text_of(one.get("metadata_created")),
        landing=text_of(one.get("url")),
        access="private" if one.get("private") else "public",
        keywords=tuple(text_of(it.get("display_name")) or text_of(it.get("name")) for it in _objects(one.get("tags"))),
        distributions=tuple(
            Distribution(text_of(it.get("url")), text_of(it.get("name")), text_of(it.get("format")), licence)
            for it in _objects(one.get("resources"))
        ),
    )


def _links(read: list[Mapping[str, Any]]) -> Iterator[Foreign]:
    """Yield one dataset for each of a publisher's sources: a link check knows addresses and what they answered, little else."""
    for publisher in read:
        name = text_of(publisher.get("organization"))
        by_source: dict[str, list[Mapping[str, Any]]] = {}
        for it in _objects(publisher.get("urls")):
            by_source.setdefault(text_of(it.get("source")), []).append(it)
        for source, urls in by_source.items():
            title = source.removesuffix(".md")
            yield Foreign(
                identifier=f"{name}/{source}",
                title=title,
                publisher=name,
                distributions=tuple(
                    Distribution(
                        text_of(it.get("url")),
                        title,
                        text_of(it.get("content-type")).partition(";")[0],
                        status=it["http_status"] if isinstance(it.get("http_status"), int) else None,
                        tried=True,
                    )
                    for it in urls
                ),
            )


def _rdf(data: bytes, form: str, name: str, read: Any = None) -> Page:
    from chengyun.share.catalogue.harvest.rdf import datasets, next_page, parse  # rdflib is large

    if form == "json-ld" and _leads_outside(read):
        said = _("%s：JSON-LD 的 @context 在别处，读取时不会去取。请把它写在文件里。")
        raise Refused(said % (name or "—"), code="context")
    if form == "turtle":
        try:
            data.decode()
        except UnicodeDecodeError as wrong:
            raise _not_utf8(name) from wrong
    graph = parse(data, form, name)
    return Page("dcat", datasets(graph), next_page(graph))


def _leads_outside(read: Any) -> bool:
    """Say whether a JSON-LD document asks for a context by address, at any depth."""
    pending: list[Any] = [read]
    while pending:
        one = pending.pop()
        if isinstance(one, Mapping):
            given = one.get("@context")
            for context in given if isinstance(given, list) else [given]:
                if isinstance(context, str) or (isinstance(context, Mapping) and "@import" in context):
                    return True
            pending += one.values()
        elif isinstance(one, list):
            pending += one
    return False


def _words(found: Any) -> tuple[str, ...]:
    words: Iterable[Any] = found if isinstance(found, list) else [found] if found else []
    return tuple(word for word in (text_of(it) for it in words) if word)
