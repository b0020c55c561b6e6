# SPDX-License-Identifier: Apache-2.0
"""What happens to reports: filed, accepted, refused, asked about, answered, rated, contradicted, made anonymous.

A report is acknowledged only once it and its case are committed. A sender that did not hear the answer sends again under
the same key and gets the same receipt.

    read, located, looked for twins     no transaction: pictures, their files and searches take their time
    case ─ report ─ message             one transaction; a resend waits at the report's key, and goes back as if it had not come
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from chengyun.access.actors import SYSTEM, Actor
from chengyun.cases import services as cases
from chengyun.cases.duplicates import beyond_doubt
from chengyun.cases.intake import links, photos, placing, quota
from chengyun.cases.intake.models import Photo, Report, ReportContact
from chengyun.cases.intake.persons import caller_of, clean_email, clean_phone
from chengyun.cases.intake.pictures import MOST, Picture
from chengyun.cases.intake.rows import write_report
from chengyun.cases.intake.thinking import Similar, Suggested, look_for_twins, report_type, suggest
from chengyun.cases.models import Case
from chengyun.cases.rows import lock_open
from chengyun.config import config
from chengyun.errors import NotFound, Refused

__all__ = ["Filed", "ReportIn", "file_report", "filed_before", "find_report"]

LONGEST = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportIn:
    """A report as it comes.

    lon, lat: WGS-84; without them the place a photo itself names counts. photos: the files; kept: photos that were kept before
    the report was, by their ids. join: number of the case the reporter says it is. private: the place is a home.
    alone: never joins a case by itself, because the reporter has seen the similar ones. idempotency_key: of the sender's
    choosing, at most 200 characters. sender: address of an anonymous sender, for the limit alone. external: the
    sender's own name for it.
    """

    channel: str
    text: str
    category: str = ""
    lon: float | None = None
    lat: float | None = None
    address: str = ""
    name: str = ""
    phone: str = ""
    email: str = ""
    photos: Sequence[bytes] = field(default=(), repr=False)
    kept: Sequence[int] = ()
    join: str = ""
    alone: bool = False
    private: bool = False
    emergency: bool = False
    language: str = "zh-hans"
    idempotency_key: str = ""
    sender: str = ""
    external: str = ""
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class Filed:
    """A report that is kept. duplicate_of: the case it joined, None when it opened its own. token: opens the reporter's page.
    again: it had been filed before under the same key."""

    report: Report
    case: Case
    duplicate_of: Case | None
    token: str
    again: bool = False


@dataclass(frozen=True, slots=True)
class _Read:
    """A report that was checked: what of it can fail has been done."""

    text: str
    address: str
    area: str
    lon: float | None
    lat: float | None
    contact: dict[str, str]
    pictures: tuple[Picture, ...]
    similar: tuple[Similar, ...]
    suggested: Suggested | None


def file_report(given: ReportIn, actor: Actor, now: dt.datetime) -> Filed:
    """File a report: open its case, or join the one it speaks of. Raises Refused for what cannot be filed."""
    key, digest = _key(given, actor), _digest(given)
    limited = bool(given.sender) and not actor.signed_in
    # Before a resend is counted or its pictures are read again; where neither is at stake, the key itself tells below.
    if key and (limited or given.photos or given.kept) and (known := _known(key, digest)):
        return known
    if limited:
        quota.count(given.sender, now)
    read = _read(given, now)
    for picture in read.pictures:
        photos.store(picture)
    try:
        with transaction.atomic():
            return _file(given, read, key, digest, actor, now)
    except IntegrityError:
        # Sent before, or twice at once: the other one is filed, and what was begun for this one is gone.
        if key and (known := _known(key, digest)):
            return known
        raise


def filed_before(given: ReportIn, actor: Actor) -> bool:
    """Say whether a report was filed already under its key: the page was sent twice."""
    key = _key(given, actor)
    return key is not None and Report.objects.filter(idempotency_key=key).exists()


def _file(given: ReportIn, read: _Read, key: str | None, digest: str, actor: Actor, now: dt.datetime) -> Filed:
    number = links.new_number(now.astimezone(config().zone).year)
    twin = _twin(given, read)
    case = twin or _open(given, read, number, now)
    report = Report(
        number=number, link_salt=links.new_salt(), idempotency_key=key, content_digest=digest, channel=given.channel,
        received_at=now, text=read.text, category=given.category, lon=read.lon, lat=read.lat, address=read.address,
        area_code=read.area, private=given.private, language=given.language, account_id=actor.account_id,
        external=given.external[:200], simulated=given.simulated, case=case, home=None if twin else case,
        state=Report.State.JOINED if twin else Report.State.WAITING, settled_at=now if twin else None,
        suggestion=read.suggested.as_json() if read.suggested else {}, similar=[one.as_json() for one in read.similar],
    )  # fmt: skip
    told = any(read.contact.values())
    contact = ReportContact(caller=caller_of(read.contact["phone"]), **read.contact) if told else None
    write_report(report, contact, actor, {"channel": given.channel, "case": case.number}, joins=twin)
    for picture in read.pictures:
        photos.attach(picture, actor, now, report=report, case=case)
    if given.kept:
        Photo.objects.filter(pk__in=list(given.kept), report=None, case=None).update(report=report, case=case)
    return Filed(report, case, twin, links.token_of(report.number, report.link_salt))


def _open(given: ReportIn, read: _Read, number: str, now: dt.datetime) -> Case:
    category = _category(given, read.suggested)
    # Whoever reports may not open cases; the program does it for them, and the report says who asked.
    return cases.open_here(
        report_type(), _title(read), SYSTEM, now, category=category, source=given.channel, emergency=given.emergency,
        description=read.text, address=read.address, area_code=read.area, lon=read.lon, lat=read.lat,
        evidence={"report": number}, simulated=given.simulated,
    )  # fmt: skip


def _category(given: ReportIn, suggested: Suggested | None) -> str:
    """Return the category a report has: the one given, or one that is suggested without hesitation; "" for none."""
    return given.category or (suggested.category if suggested and not suggested.abstained else "")


def _twin(given: ReportIn, read: _Read) -> Case | None:
    """Return the case a report belongs to already, locked: the one the reporter named, or one that is the same beyond doubt."""
    wanted = given.join
    if not wanted and not given.alone:
        wanted = read.similar[0].case if beyond_doubt([one.score for one in read.similar]) else ""
    if not wanted:
        return None
    case = lock_open(wanted, report_type())
    if case is None and given.join:
        raise Refused(_("您选的那件已经办结或不存在。请不选它，直接上报。"), code="case_ended")
    return case


def _read(given: ReportIn, now: dt.datetime) -> _Read:
    text, address = given.text.replace("\x00", "").strip(), " ".join(given.address.split())[:200]
    if given.channel not in Report.Channel.values:
        raise Refused(f"channel is {given.channel!r}, expected one of {', '.join(Report.Channel.values)}.", code="channel")
    if not text:
        raise Refused(_("请写一句话说明看到了什么。"), code="text")
    if len(text) > LONGEST:
        raise Refused(_("说明超过 %d 字，请写得短一些。") % LONGEST, code="text")
    if (given.lon is None) != (given.lat is None):
        raise Refused(_("位置缺了经度或纬度，请在地图上重新选择。"), code="place")
    if len(given.photos) + len(given.kept) > MOST:
        raise Refused(_("一次最多 %d 张照片。") % MOST, code="photos")
    contact = {"name": given.name.strip()[:60], "phone": clean_phone(given.phone), "email": clean_email(given.email)}
    pictures = tuple(photos.read(data) for data in given.photos)
    place = _place(given, pictures)
    if place is None and not address:
        raise Refused(_("请在地图上点一下位置，或写明地址。"), code="place")
    area = placing.area_at(*place) if place else placing.area_named(address)
    lon, lat = place or (None, None)
    # Whoever chose a category needs no guess; the desk sees whether it fits.
    suggested = None if given.category else suggest(text=text, lon=lon, lat=lat, area_code=area, at=now, channel=given.channel)
    similar = look_for_twins(lon=lon, lat=lat, at=now, category=_category(given, suggested), text=text)
    return _Read(text, address, area, lon, lat, contact, pictures, similar, suggested)


def _place(given: ReportIn, pictures: Sequence[Picture]) -> tuple[float, float] | None:
    """Return where it is: as given, or as the first photo that knows and lies in the city says."""
    if given.lon is not None and given.lat is not None:
        return given.lon, given.lat
    told = [(one.lon, one.lat) for one in pictures]
    told += Photo.objects.filter(pk__in=list(given.kept), report=None, case=None).order_by("id").values_list("lon", "lat")
    for lon, lat in told:
        if lon is not None and lat is not None and placing.inside(lon, lat):
            return lon, lat
    return None


def _title(read: _Read) -> str:
    first = read.text.splitlines()[0]
    return f"{first[:60]}…" if len(first) > 60 else first


def _key(given: ReportIn, actor: Actor) -> str | None:
    """Return the key a report is filed under: two senders may choose the same word."""
    if not given.idempotency_key:
        return None
    who = f"{given.channel}\n{actor.account_id or ''}\n{actor.organisation or ''}\n{given.idempotency_key[:200]}"
    return hashlib.sha256(who.encode()).hexdigest()


def _digest(given: ReportIn) -> str:
    """Return what tells a resend from another report under the same key."""
    parts = [given.text.strip(), given.category, str(given.lon), str(given.lat), given.address.strip()]
    parts += [hashlib.sha256(data).hexdigest() for data in given.photos]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _known(key: str, digest: str) -> Filed | None:
    report = Report.objects.select_related("case").filter(idempotency_key=key).first()
    if report is None or report.case is None:
        return None
    if report.content_digest != digest:
        raise Refused("Another report was filed under this Idempotency-Key. Use a new key for a new report.", code="key_reused")
    joined = report.case if report.home_id is None else None
    return Filed(report, report.case, joined, links.token_of(report.number, report.link_salt), again=True)


def find_report(number: str, token: str) -> Report:
    """Return the report a receipt opens. Raises NotFound for a number or a link that is not right: which, is not said."""
    report = Report.objects.select_related("case", "case__owner").filter(number=number).first()
    if report is None or not links.token_fits(report.number, report.link_salt, token):
        raise NotFound(_("没有找到这件上报。"))
    return report
