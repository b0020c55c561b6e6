# SPDX-License-Identifier: Apache-2.0
"""/cap/alerts.atom and /cap/<alert>.<event>.xml: what the reader may read of alerts, as CAP."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree as xml

from django.apps import apps
from django.conf import settings
from django.db.models import F, Q
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from chengyun.access.actors import ANONYMOUS, Actor, actor_of
from chengyun.access.policy import scope
from chengyun.access.views import public
from chengyun.areas.queries import name_of
from chengyun.cases.intake.post import site
from chengyun.city import City, qualify
from chengyun.config import config
from chengyun.errors import NotFound
from chengyun.operate.models import Alert, AlertEvent
from chengyun.operate.probation.ruleset import rule_named
from chengyun.protocols.cap.messages import KINDS, Message, Place, clean, document, messages_of, sender_of

ATOM = "http://www.w3.org/2005/Atom"
MEDIA = "application/cap+xml"
MOST = 500
ENDED_FOR = dt.timedelta(hours=24)
"""So long the index names an alert that has ended: a reader who asks once a day sees every cancelling."""


@require_safe
@public
def index(request: HttpRequest) -> HttpResponse:
    """List the newest message of every alert that is open or ended a short while ago, newest first."""
    actor = actor_of(request)
    newest = [found[-1] for found in _messages(_alerts(actor, timezone.now())[:MOST])]
    newest.sort(key=lambda one: (one.event.at, one.event.pk), reverse=True)
    body = _atom(newest)
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Vary": "Cookie, Authorization, Accept-Language"}
    if request.headers.get("If-None-Match") == tag:
        return HttpResponseNotModified(headers=headers)
    return HttpResponse(body, content_type="application/atom+xml; charset=utf-8", headers=headers)


@require_safe
@public
def message(request: HttpRequest, alert_id: int, event_id: int) -> HttpResponse:
    """Answer with one message. It is the same whenever it is asked for."""
    actor = actor_of(request)
    allowed = scope(actor, "alerts")
    row = Alert.objects.filter(allowed.q(), pk=alert_id).first() if allowed.allowed else None
    found = next((one for told in _messages([row] if row else []) for one in told if one.event.pk == event_id), None)
    if found is None:
        raise NotFound(_("没有找到这条预警信息。"))
    headers = {"Vary": "Cookie, Authorization, Accept-Language"}
    return HttpResponse(_document(found, actor), content_type=f"{MEDIA}; charset=utf-8", headers=headers)


def _alerts(actor: Actor, now: dt.datetime) -> Any:
    allowed = scope(actor, "alerts")
    rows = Alert.objects.filter(allowed.q()) if allowed.allowed else Alert.objects.none()
    rows = rows.filter(Q(closed_at=None) | Q(closed_at__gte=now - ENDED_FOR)).exclude(closed_at=F("opened_at"))
    return rows.order_by("-opened_at", "-id")


def _messages(alerts: Sequence[Alert]) -> list[list[Message]]:
    events: dict[int, list[AlertEvent]] = defaultdict(list)
    rows = list(alerts)
    for event in AlertEvent.objects.filter(alert__in=rows, kind__in=KINDS):
        events[event.alert_id].append(event)
    return [found for row in rows if (found := messages_of(row, events[row.pk]))]


def _atom(messages: Sequence[Message]) -> bytes:
    city = config().city
    here = f"{site()}{reverse('cap-index')}"
    feed = xml.Element("feed", {"xmlns": ATOM})
    name = name_of(city)
    updated = max((one.event.at for one in messages), default=dt.datetime(1970, 1, 1, tzinfo=dt.UTC))
    for tag, text in (("id", here), ("title", f"{name} {_('预警')}"), ("updated", updated.isoformat(timespec="seconds"))):
        xml.SubElement(feed, tag).text = text
    xml.SubElement(feed, "link", {"rel": "self", "href": here, "type": "application/atom+xml"})
    author = xml.SubElement(feed, "author")
    xml.SubElement(author, "name").text = f"{name} {_('城运')}"
    for one in messages:
        entry = xml.SubElement(feed, "entry")
        address = f"{site()}{reverse('cap-message', args=[one.alert.pk, one.event.pk])}"
        xml.SubElement(entry, "id").text = f"urn:chengyun:cap:{one.identifier(city)}"
        xml.SubElement(entry, "title").text = clean(f"{one.kind} · {_words(one)[0]}")
        for tag, at in (("updated", one.event.at), ("published", one.alert.opened_at)):
            xml.SubElement(entry, tag).text = at.isoformat(timespec="seconds")
        xml.SubElement(entry, "link", {"rel": "alternate", "href": address, "type": MEDIA})
        xml.SubElement(entry, "summary").text = clean(_words(one)[1])
        xml.SubElement(entry, "category", {"term": one.alert.severity})
    written: bytes = xml.tostring(feed, encoding="UTF-8", xml_declaration=True)
    return written


def _document(one: Message, actor: Actor) -> bytes:
    city = config().city
    everybody = scope(ANONYMOUS, "alerts")
    return document(
        one, rule_named(one.alert.rule, one.alert.opened_at), _place(one.alert, actor), city=city, sender=sender_of(site()),
        sender_name=f"{name_of(city)} {_('城运')}", web=f"{site()}{reverse('alert', args=[one.alert.pk])}",
        language="en" if get_language() == "en" else "zh-CN", zone=config().zone, words=_words(one),
        public=everybody.allowed and Alert.objects.filter(everybody.q(), pk=one.alert.pk).exists(),
    )  # fmt: skip


def _words(one: Message) -> tuple[str, str]:
    rule = rule_named(one.alert.rule, one.alert.opened_at)
    name = _(rule.name) if rule else one.alert.rule
    headline = f"{one.alert.subject_name}：{name}"
    if one.event.kind in ("cleared", "closed"):
        return headline, _("条件已解除。") if not one.alert.holds else _("预警已关闭。")
    return headline, _(rule.meaning) if rule else headline


def _place(alert: Alert, actor: Actor) -> Place:
    """Return where an alert is; the point of a thing as its register shows it to the reader, or not at all."""
    city: City = settings.CITY
    point = None
    if alert.dataset in city.streams:
        entity = qualify(alert.dataset.split(".")[0], city.streams[alert.dataset].entity.to)
        allowed = scope(actor, entity)
        if allowed.allowed and not allowed.personal:
            model: Any = apps.get_model(entity.split(".")[0], city.entities[entity].model)
            row = model.objects.filter(allowed.q(), key=alert.subject).values().first()
            seen = allowed.mask(row) if row else {}
            lon, lat = seen.get("lon"), seen.get("lat")
            point = (lon, lat) if isinstance(lon, float) and isinstance(lat, float) else None
    code = alert.area_code
    return Place(name_of(code) if code else alert.subject_name, code, point)
