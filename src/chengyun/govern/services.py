# SPDX-License-Identifier: Apache-2.0
"""The only writers of targets and of what is reported about them."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from chengyun.access import audit
from chengyun.access.actors import Actor
from chengyun.access.hints import meant
from chengyun.access.policy import require
from chengyun.errors import Malformed, NotFound, Refused
from chengyun.govern.models import Reported, Target
from chengyun.govern.reading import Line

__all__ = ["Loaded", "link", "load_targets", "report"]


@dataclass(frozen=True, slots=True)
class Loaded:
    added: int
    changed: int
    same: int
    withdrawn: int


def load_targets(lines: Iterable[Line], actor: Actor) -> Loaded:
    """Bring the list to what a file says, all of it or nothing. What a document of the file no longer names is withdrawn.

    Links and reported values stay. Raises Malformed for a key that stands twice.
    """
    require(actor, "target.load")
    added = changed = same = 0
    seen: set[str] = set()
    documents: set[str] = set()
    with transaction.atomic():
        known = {one.key: one for one in Target.objects.select_for_update()}
        for line in lines:
            if line.key in seen:
                raise Malformed(f"The target {line.key} stands twice; a key names one target.")
            seen.add(line.key)
            documents.add(line.document)
            values = asdict(line)
            held = known.get(line.key)
            if held is None:
                Target.objects.create(**values)
                added += 1
                continue
            if not line.section:
                values.pop("section")  # read without the documents: what is known of it stays
            news = {name: value for name, value in {**values, "withdrawn_at": None}.items() if getattr(held, name) != value}
            if news:
                for name, value in news.items():
                    setattr(held, name, value)
                held.save(update_fields=list(news))
                changed += 1
            else:
                same += 1
        gone = Target.objects.filter(document__in=documents, withdrawn_at=None).exclude(key__in=seen)
        withdrawn = gone.update(withdrawn_at=timezone.now())
        detail = {"added": added, "changed": changed, "withdrawn": withdrawn}
        audit.record(actor, "target.load", "targets", ", ".join(sorted(documents))[:200], detail=detail)
    return Loaded(added, changed, same, withdrawn)


def report(key: str, day: dt.date, value: float, source: str, actor: Actor, now: dt.datetime) -> Reported:
    """Keep what a target came to by a day. Raises NotFound, or Refused: a day to come, no source, no number."""
    require(actor, "target.report")
    target = _target(key)
    if target.low is None:
        raise Refused(_("这个目标不是数字，没有数值可填。"), code="no_number")
    if not math.isfinite(value):
        raise Refused(_("请填一个数。"), code="value")
    if day > timezone.localdate(now):
        raise Refused(_("截至日期不能晚于今天。"), code="day")
    if not source.strip():
        raise Refused(_("请写明数值的来源，例如统计公报及页码。"), code="source")
    with transaction.atomic():
        kept = Reported.objects.create(
            target=target, day=day, value=value, source=source.strip()[:200], account_id=actor.account_id, at=now
        )
        audit.record(actor, "target.report", "targets", target.key, detail={"day": day.isoformat(), "value": value})
    return kept


def link(key: str, indicator: str, subject: str, actor: Actor) -> Target:
    """Measure a target by an indicator's figures of a subject; "" unlinks. Raises NotFound or Refused."""
    require(actor, "target.load")
    target = _target(key)
    if indicator and indicator not in settings.CITY.indicators:
        raise Refused(
            _("没有指标 %s。") % indicator + meant(indicator, settings.CITY.indicators), code="indicator", indicator=indicator
        )
    if indicator and not subject.strip():
        raise Refused(_("请写明指标的对象，例如区域编码。"), code="subject")
    with transaction.atomic():
        target.indicator, target.subject = indicator, subject.strip() if indicator else ""
        target.save(update_fields=["indicator", "subject"])
        audit.record(actor, "target.link", "targets", target.key, detail={"indicator": indicator, "subject": target.subject})
    return target


def _target(key: str) -> Target:
    found = Target.objects.filter(key=key).first()
    if found is None:
        raise NotFound(_("没有找到。"))
    return found
