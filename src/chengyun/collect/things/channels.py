# SPDX-License-Identifier: Apache-2.0
"""Topic patterns an installation declares itself: held to the same rules as those of packs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from chengyun.access import audit
from chengyun.access.actors import Actor
from chengyun.access.hints import meant
from chengyun.access.policy import require
from chengyun.city import City, Topic
from chengyun.city.words import Payload
from chengyun.collect.things.models import Channel
from chengyun.errors import Misdeclared, Refused

__all__ = ["save_channel"]


def save_channel(
    actor: Actor, key: str, *, pattern: str, stream: str, payload: str, fields: object, enabled: bool = True
) -> Channel:
    """Add a pattern or change the one of this key. Raises Refused with everything that is wrong with it."""
    require(actor, "device.manage")
    city: City = settings.CITY
    if stream not in city.streams:
        raise Refused(_("没有感知流 %s。") % stream + meant(stream, city.streams), code="stream")
    if not isinstance(fields, Mapping) or not all(isinstance(it, str) for pair in fields.items() for it in pair):
        raise Refused(_("字段对应是一个 JSON 对象：消息中的名称 → 列。"), code="fields")
    try:
        topic = Topic(key, pattern, stream, cast("Payload", payload), dict(fields))
    except Misdeclared as wrong:
        raise Refused("；".join(fault.partition(": ")[2] for fault in wrong.faults), code="topic") from wrong
    if faults := list(topic.faults_for(city.streams[stream])):
        raise Refused("；".join(faults), code="topic")
    with transaction.atomic():
        made, _new = Channel.objects.update_or_create(
            key=key,
            defaults={"pattern": pattern, "stream": stream, "payload": payload, "fields": dict(fields), "enabled": enabled},
        )
        audit.record(actor, "device.topic", "devices", key, detail={"pattern": pattern, "stream": stream, "enabled": enabled})
    return made
