# SPDX-License-Identifier: Apache-2.0
"""Topic patterns of this installation beside those of its packs, and the collectors that listen to them."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from chengyun.access.actors import actor_of
from chengyun.access.views import needs
from chengyun.collect.things.channels import save_channel
from chengyun.collect.things.models import Channel, Listener
from chengyun.errors import Refused
from chengyun.web.desk.deeds import Fault, attempt, done

GONE_AFTER = dt.timedelta(seconds=30)
"""A collector that has not reported for so long is away."""


@dataclass(frozen=True, slots=True)
class TopicRow:
    """A pattern. pack: of whom it is; "" for the installation's own, which can be changed. fields: JSON text."""

    key: str
    pattern: str
    stream: str
    stream_name: str
    payload: str
    fields: str
    pack: str
    enabled: bool


@dataclass(frozen=True, slots=True)
class ListenerRow:
    """A collector. mark: how its state is marked."""

    client: str
    broker: str
    mark: str
    says: str
    since: dt.datetime
    reported_at: dt.datetime
    messages: int
    rows: int
    dead: int
    waiting: int


@dataclass(frozen=True)
class TopicsPage:
    topics: tuple[TopicRow, ...]
    listeners: tuple[ListenerRow, ...]
    streams: tuple[tuple[str, str], ...]
    payloads: tuple[tuple[str, str], ...]
    fault: Fault | None


@require_safe
@never_cache
@needs("device.manage")
def topic_list(request: HttpRequest) -> HttpResponse:
    """Show patterns and collectors."""
    return _show(request, None)


@require_POST
@needs("device.manage")
def save(request: HttpRequest) -> HttpResponse:
    """Add a pattern or change one; a pattern is put out of use rather than removed."""
    given = request.POST

    def do() -> None:
        try:
            fields = json.loads(given.get("fields", "").strip() or "{}")
        except (ValueError, RecursionError) as wrong:
            raise Refused(_("字段对应不是有效的 JSON。"), code="fields") from wrong
        save_channel(
            actor_of(request), given.get("key", ""), pattern=given.get("pattern", "").strip(), stream=given.get("stream", ""),
            payload=given.get("payload", "json"), fields=fields, enabled=given.get("enabled", "1") == "1",
        )  # fmt: skip

    fault = attempt(request, "topic", do)
    return _show(request, fault) if fault else done(request, _("已保存，几秒内生效。"), reverse("device-topics"))


def _show(request: HttpRequest, fault: Fault | None) -> HttpResponse:
    city, now = settings.CITY, timezone.now()
    names = {key: stream.name for key, stream in city.streams.items()}
    rows = []
    for qualified, topic in city.topics.items():
        stream = topic.stream if "." in topic.stream else f"{qualified.split('.')[0]}.{topic.stream}"
        said = json.dumps(dict(topic.fields), ensure_ascii=False) if topic.fields else ""
        pack = city.packs[qualified.split(".")[0]].pack.name
        rows.append(TopicRow(topic.key, topic.pattern, stream, names[stream], topic.payload, said, pack, True))
    for own in Channel.objects.all():
        said = json.dumps(own.fields, ensure_ascii=False) if own.fields else ""
        rows.append(TopicRow(own.key, own.pattern, own.stream, names.get(own.stream, ""), own.payload, said, "", own.enabled))
    listeners = tuple(
        ListenerRow(
            it.client, it.broker, "stale" if now - it.reported_at > GONE_AFTER else "fresh" if it.connected else "bad", it.says,
            it.since, it.reported_at, it.counts.get("messages", 0), it.counts.get("rows", 0), it.counts.get("dead", 0),
            it.counts.get("waiting", 0),
        )
        for it in Listener.objects.order_by("client")
    )  # fmt: skip
    page = TopicsPage(
        tuple(rows), listeners, tuple(names.items()), tuple((value, str(name)) for value, name in Channel.Payload.choices), fault
    )
    return render(request, "devices/topics.html", {"page": page}, status=fault.status if fault else 200)
