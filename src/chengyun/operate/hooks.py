# SPDX-License-Identifier: Apache-2.0
"""Who is told of what the engine did, without being imported: each registers in its ready(). Told after the commit, quickly."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

__all__ = ["after_run"]

after_run: list[Callable[[str, dt.datetime, dt.datetime, dt.datetime, float, int, str], None]] = []
"""(indicator, since, until, began, seconds, rows, error): a query of the engine, error "" when it went well."""
