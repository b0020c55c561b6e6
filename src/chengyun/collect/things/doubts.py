# SPDX-License-Identifier: Apache-2.0
"""Devices that doubt themselves out of office: declared shares of flagged readings put a device in quarantine."""

from __future__ import annotations

import datetime as dt
import logging

from django.db.models import Max

from chengyun.access.actors import SYSTEM
from chengyun.city import City, Distrust, qualify
from chengyun.collect.things.models import Binding, Device
from chengyun.collect.things.services import quarantine
from chengyun.errors import Refused
from chengyun.lake.read import snapshot
from chengyun.lake.rows import Flag
from chengyun.lake.tables import quote, stream_table

__all__ = ["doubt"]

log = logging.getLogger(__name__)


def doubt(city: City, now: dt.datetime) -> int:
    """Judge every declared rule on the readings of its last span; return how many devices were put in quarantine."""
    return sum(_judge(city, qualified, rule, now) for qualified, rule in city.distrusts.items())


def _judge(city: City, qualified: str, rule: Distrust, now: dt.datetime) -> int:
    stream = qualify(qualified.split(".")[0], rule.stream)
    bound = Binding.objects.filter(stream=stream, until=None, device__state=Device.State.ACTIVE).exclude(
        device__quarantines__released_at=None, device__quarantines__isnull=False
    )
    devices = {
        row["entity"]: (row["device__key"], row["released"])
        for row in bound.values("entity", "device__key").annotate(released=Max("device__quarantines__released_at"))
    }
    if not devices:
        return 0
    put = 0
    since = now - rule.within
    with snapshot([stream], since=since, entities=list(devices)) as lake:
        rows = lake.rows(_sql(city, stream), {"since": since, "bit": int(Flag[rule.flag.upper()])})
    flagged: dict[str, list[bool]] = {}
    for row in rows:
        _, released = devices.get(row["entity"], ("", None))
        # What was sent before a person believed it again is judged no second time.
        if row["entity"] in devices and (released is None or row["time"] > released):
            flagged.setdefault(row["entity"], []).append(bool(row["flagged"]))
    for entity, found in sorted(flagged.items()):
        share = sum(found) / len(found)
        if len(found) < rule.least or share < rule.share:
            continue
        evidence = {"rule": qualified, "stream": stream, "entity": entity, "readings": len(found), "share": round(share, 4)}
        reason = f"{qualified}: {share:.0%} of {len(found)} readings are flagged {rule.flag}"
        try:
            quarantine(SYSTEM, devices[entity][0], reason, automatic=True, evidence=evidence)
        except Refused as settled:
            log.info("%s was not put in quarantine: %s", devices[entity][0], settled.sentence)
            continue
        put += 1
    return put


def _sql(city: City, stream: str) -> str:
    table = stream_table(city, stream)
    view = f"{quote(table.pack)}.{quote(table.key)}"
    return (
        f"SELECT {quote(table.entity)} AS entity, {quote(table.time)} AS time, quality & $bit <> 0 AS flagged "  # noqa: S608
        f"FROM {view} WHERE {quote(table.time)} >= $since"
    )
