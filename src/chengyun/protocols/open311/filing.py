# SPDX-License-Identifier: Apache-2.0
"""A request that was posted, read into a report and filed the way every report is."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any
from urllib.parse import parse_qsl

from chengyun.access.actors import Actor
from chengyun.errors import Refused
from chengyun.protocols.open311.catalogue import check_attributes, service

__all__ = ["Posted", "file", "read_form"]

ATTRIBUTE = re.compile(r"attribute\[([^\[\]]{1,100})\](\[\])?")
MOST_FIELDS = 200


@dataclass(slots=True)
class Posted:
    """A form as sent: fields by name, attributes by code, files."""

    fields: dict[str, str] = field(default_factory=dict)
    attributes: dict[str, list[str]] = field(default_factory=dict)
    files: list[bytes] = field(default_factory=list, repr=False)

    def add(self, name: str, value: str) -> None:
        if found := ATTRIBUTE.fullmatch(name):
            self.attributes.setdefault(found[1], []).append(value)
        else:
            self.fields[name] = value

    def get(self, name: str) -> str:
        return self.fields.get(name, "").strip()


def read_form(body: bytes, content_type: str) -> Posted:
    """Return what a form says. Raises Refused for a body that is no form."""
    kind = content_type.partition(";")[0].strip().lower()
    posted = Posted()
    if kind == "multipart/form-data":
        _read_parts(body, content_type, posted)
    elif kind in ("application/x-www-form-urlencoded", ""):
        try:
            for name, value in parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS):
                posted.add(name, value)
        except ValueError as wrong:
            raise Refused(f"The body is no form in UTF-8 with at most {MOST_FIELDS} fields: {wrong}.", code="body") from wrong
    else:
        raise Refused(f"The body is {kind}, expected application/x-www-form-urlencoded or multipart/form-data.", code="body")
    return posted


def file(posted: Posted, caller: Actor, now: dt.datetime, *, test: bool, key: str, english: bool) -> dict[str, Any]:
    """File a request and return what its sender is told. Raises Refused, NotFound."""
    # Pictures and areas are not loaded before the first request is filed.
    from chengyun.cases.intake.services import ReportIn, file_report

    code = posted.get("service_code")
    if not code:
        raise Refused("service_code was not provided.", code="service_code")
    wanted = service(code)
    check_attributes(wanted, posted.attributes)
    lon, lat = _degrees(posted, "long"), _degrees(posted, "lat")
    if (lon is None) != (lat is None):
        raise Refused("lat and long go together: one of them was not provided.", code="location")
    address = posted.get("address_string") or posted.get("address_id")
    if lon is None and not address:
        raise Refused("A location was not provided: send lat and long, or address_string.", code="location")
    filed = file_report(
        ReportIn(
            channel="open311", text=_text(posted, wanted.name), category=wanted.category, lon=lon, lat=lat, address=address,
            name=" ".join(part for part in (posted.get("first_name"), posted.get("last_name")) if part),
            phone=posted.get("phone"), email=posted.get("email"), photos=tuple(posted.files), idempotency_key=key,
            emergency="people" in posted.attributes.get("danger", []), language="en" if english else "zh-hans", simulated=test,
            # The device first: forwarding.py knows by it what came from a server like this one.
            external=" ".join(name for name in (posted.get("device_id"), posted.get("account_id")) if name),
        ),
        caller,
        now,
    )  # fmt: skip
    notice = "已并入同一问题的既有上报。" if filed.duplicate_of is not None else None
    return {"service_request_id": filed.report.number, "service_notice": notice, "account_id": posted.get("account_id") or None}


def _text(posted: Posted, name: str) -> str:
    """Return the reporter's words, and below them what else was said that has no field of its own."""
    lines = [posted.get("description") or name]
    lines += [f"{code}: {', '.join(values)}" for code, values in posted.attributes.items() if any(values)]
    if url := posted.get("media_url"):
        # Not fetched: a sender could make this server ask any address for it.
        lines.append(f"media_url: {url[:500]}")
    return "\n".join(lines)


def _degrees(posted: Posted, name: str) -> float | None:
    text = posted.get(name)
    if not text:
        return None
    try:
        return float(text)
    except ValueError as wrong:
        raise Refused(f"{name} is {text[:40]!r}, expected degrees (WGS-84) such as 29.87.", code="location") from wrong


def _read_parts(body: bytes, content_type: str, posted: Posted) -> None:
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1", "replace")
    message = BytesParser(policy=HTTP).parsebytes(head + body)
    if not message.is_multipart():
        raise Refused("The body is no multipart form: its boundary was not found.", code="body")
    for number, part in enumerate(message.iter_parts()):
        if number >= MOST_FIELDS:
            raise Refused(f"The form has more than {MOST_FIELDS} fields.", code="body")
        params: Mapping[str, str] = part["content-disposition"].params if part["content-disposition"] else {}
        payload = part.get_payload(decode=True)
        content = payload if isinstance(payload, bytes) else b""
        if params.get("filename") is not None:
            if content:
                posted.files.append(content)
        elif name := params.get("name"):
            try:
                posted.add(name, content.decode())
            except UnicodeDecodeError as wrong:
                raise Refused(f"The field {name[:60]!r} is not UTF-8.", code="body") from wrong
