# SPDX-License-Identifier: Apache-2.0
"""Which connector reads a source: the one place that knows them all."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from chengyun.collect.pull.chunks import Reading
from chengyun.collect.pull.credentials import Credentials
from chengyun.collect.pull.guard import Guard
from chengyun.collect.pull.models import Source
from chengyun.collect.pull.spec import DatabaseRead, FilesRead, HttpRead, Spec
from chengyun.config import Config

__all__ = ["guard_of", "open_reading"]


def guard_of(config: Config) -> Guard:
    """Return what this installation lets sources reach."""
    return Guard(config.source_hosts, config.source_folders)


def open_reading(
    config: Config,
    spec: Spec,
    credentials: Credentials,
    source: Source,
    zone: dt.tzinfo,
    identity: Sequence[str],
    now: dt.datetime,
) -> Reading:
    """Return a reading of a source from its position on. Raises Refused where it may not be read, or an extra is missing."""
    guard = guard_of(config)
    # Each inside its case: SQLAlchemy, httpx and fsspec take 20 to 30 MB each, and a city may use none of them.
    match spec.read:
        case DatabaseRead() as read:
            from chengyun.collect.pull.databases import DatabaseReading

            return DatabaseReading(spec, read, credentials, guard, source.position, zone, identity, now)
        case HttpRead() as read:
            from chengyun.collect.pull.web_services import HttpReading

            return HttpReading(spec, read, credentials, guard, source.position, zone, now)
        case FilesRead() as read:
            from chengyun.collect.pull.folders import FolderReading

            return FolderReading(spec, read, credentials, guard, source, zone, now, config.data)
