# SPDX-License-Identifier: Apache-2.0
"""What a report's form says, read from a request; and the draft a resident looks at before it is filed."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core import signing
from django.http import HttpRequest
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from chengyun.access.actors import Actor, actor_of
from chengyun.cases.intake import photos, quota
from chengyun.cases.intake.pictures import MOST
from chengyun.cases.intake.services import ReportIn
from chengyun.config import config
from chengyun.errors import Refused

DRAFT_LIVES_S = 6 * 3600
UPLOADS_PER_HOUR = 60


@dataclass(frozen=True, slots=True)
class Draft:
    """A report that was written and not sent yet. kept: ids of its photos. key: under which it will be filed."""

    text: str = ""
    category: str = ""
    lon: float | None = None
    lat: float | None = None
    address: str = ""
    name: str = ""
    phone: str = ""
    email: str = ""
    private: bool = False
    kept: tuple[int, ...] = ()
    key: str = field(default_factory=lambda: secrets.token_hex(16))

    def sealed(self) -> str:
        """Return it as a signed text, so that a page can hand it back and nobody can name another's photos."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return signing.dumps(values, salt="chengyun.report", compress=True)

    def report(self, channel: str, actor: Actor, request: HttpRequest, *, join: str = "", alone: bool = False) -> ReportIn:
        return ReportIn(
            channel=channel, text=self.text, category=self.category, lon=self.lon, lat=self.lat, address=self.address,
            name=self.name, phone=self.phone, email=self.email, private=self.private, kept=self.kept, join=join, alone=alone,
            language=get_language() or "zh-hans", idempotency_key=self.key,
            sender="" if actor.signed_in else address_of(request),
        )  # fmt: skip


def unsealed(text: str) -> Draft:
    """Return a draft a page handed back. Raises Refused for one that is too old or not ours."""
    try:
        values: dict[str, Any] = signing.loads(text, salt="chengyun.report", max_age=DRAFT_LIVES_S)
    except signing.BadSignature as wrong:
        raise Refused(_("页面已过期，请重新填写。"), code="draft") from wrong
    return Draft(**{**values, "kept": tuple(values["kept"])})


def read_draft(request: HttpRequest, now: dt.datetime) -> Draft:
    """Return what a form says, its photos kept. Raises Refused for what cannot be read."""
    given, actor = request.POST, actor_of(request)
    files = request.FILES.getlist("photos")
    if len(files) > MOST:
        raise Refused(_("一次最多 %d 张照片。") % MOST, code="photos")
    if files and not actor.signed_in:
        quota.count(f"upload {address_of(request)}", now, UPLOADS_PER_HOUR)
    read = [photos.read(one.read()) for one in files]
    kept = tuple(photos.attach(one, actor, now).pk for one in read)
    key = given.get("key", "")
    return Draft(
        text=given.get("text", ""), category=given.get("category", ""), lon=number(given, "lon"), lat=number(given, "lat"),
        address=given.get("address", ""), name=given.get("name", ""), phone=given.get("phone", ""), email=given.get("email", ""),
        private=given.get("private") == "1", kept=kept, **({"key": key} if 16 <= len(key) <= 64 and key.isalnum() else {}),
    )  # fmt: skip


def number(given: Mapping[str, str], name: str) -> float | None:
    """Return a coordinate of a form; None for none. Raises Refused for what is no number."""
    text = given.get(name, "").strip()
    try:
        found = float(text) if text else None
    except ValueError:
        found = float("nan")
    if found is not None and not -180 <= found <= 180:
        raise Refused(_("位置读不出来，请在地图上重新选择。"), code="place")
    return found


def address_of(request: HttpRequest) -> str:
    """Return the sender's address: the one the proxy in front adds, where there is one."""
    forwarded = request.headers.get("X-Forwarded-For", "") if config().https else ""
    return forwarded.split(",")[-1].strip() or request.META.get("REMOTE_ADDR", "")
