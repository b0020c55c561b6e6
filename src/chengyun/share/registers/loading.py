# SPDX-License-Identifier: Apache-2.0
"""Files into base registers: a pack's feed reads them, what they say is taken in batch by batch.

Loading a file again changes nothing; after a break the same command goes on where it was cut off.
"""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.utils import timezone

from chengyun.access.actors import Actor
from chengyun.access.policy import require
from chengyun.city import City, Malformed, RegisterFeed, Stated, qualify
from chengyun.collect import hooks
from chengyun.collect.load import BROKEN, open_file, plain_name
from chengyun.errors import NotFound, Refused, nearest
from chengyun.share.registers.models import Load, Refusal
from chengyun.share.registers.services import begin_load, take

__all__ = ["Loaded", "find_feed", "load_register"]

BATCH = 2_000


@dataclass(slots=True)
class Loaded:
    """What a load came to. dead: code of a reason → rows; example: code → the first sentence."""

    read: int = 0
    stated: int = 0
    unchanged: int = 0
    changed: int = 0
    dead: Counter[str] = field(default_factory=Counter)
    example: dict[str, str] = field(default_factory=dict)
    loads: list[int] = field(default_factory=list)


def find_feed(name: str) -> RegisterFeed:
    """Return a feed of a register. Raises NotFound naming the nearest."""
    city: City = settings.CITY
    if name not in city.register_feeds:
        known = ", ".join(city.register_feeds)
        raise NotFound(f"There is no feed of a register {name!r}.{nearest(name, city.register_feeds)} Feeds: {known}.")
    found: RegisterFeed = city.register_feeds[name]
    return found


def load_register(
    actor: Actor, feed_name: str, paths: Sequence[Path], progress: Callable[[int], None] = lambda _rows: None
) -> Loaded:
    """Load files one after the other."""
    require(actor, "register.load")
    feed, pack = find_feed(feed_name), feed_name.split(".")[0]
    loaded, began = Loaded(), timezone.now()
    for path in paths:
        with open_file(path) as (opened, _position):
            # One load a register: a file may speak of several.
            loads: dict[str, Load] = {}
            for part in _batches(feed, opened, plain_name(path), loaded):
                by_register: dict[str, list[Stated]] = {}
                for one in part:
                    by_register.setdefault(qualify(pack, one.entity), []).append(one)
                for dataset, stated in by_register.items():
                    if dataset not in loads:
                        loads[dataset] = begin_load(actor, dataset, feed_name, feed.authority, path.name, _digest(path))
                        loaded.loads.append(loads[dataset].pk)
                    taken = take(loads[dataset], stated)
                    loaded.stated += taken.stated
                    loaded.unchanged += taken.unchanged
                    loaded.changed += taken.changed
                progress(loaded.read)
    for refused in Refusal.objects.filter(load__in=loaded.loads).order_by("id"):
        loaded.dead[refused.code] += 1
        loaded.example.setdefault(refused.code, f"line {refused.line}, {refused.key}: {refused.reason}")
    for tell in hooks.after_load:
        tell(feed_name, began, loaded.read)
    return loaded


def _batches(feed: RegisterFeed, opened: BinaryIO, name: str, loaded: Loaded) -> Iterator[list[Stated]]:
    def rows() -> Iterator[Stated]:
        try:
            for one in feed.read(opened, name):
                loaded.read += 1
                if isinstance(one, Malformed):
                    loaded.dead[one.code] += 1
                    loaded.example.setdefault(one.code, one.sentence)
                else:
                    yield one
        except BROKEN as broken:
            raise Refused(f"{name} is broken: {broken}. What came before is kept.", code="broken_file") from None

    read = rows()
    while part := list(itertools.islice(read, BATCH)):
        yield part


def _digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
