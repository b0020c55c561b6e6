# SPDX-License-Identifier: Apache-2.0
"""Who is told that a feed's files were loaded, without being imported: each registers in its ready()."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

__all__ = ["after_load"]

after_load: list[Callable[[str, dt.datetime, int], None]] = []
"""(feed, began, rows read): after everything is durable."""
