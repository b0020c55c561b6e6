# SPDX-License-Identifier: Apache-2.0
"""Who is told that a stream was sealed, and who is asked before hot rows go, without being imported: each registers in its
ready()."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg

__all__ = ["after_seal", "needed_after"]

after_seal: list[Callable[[str, int], None]] = []
"""(stream, rows sealed): after the commit, when there were any."""
needed_after: list[Callable[[psycopg.Connection[Any], str], int | None]] = []
"""(connection, stream) → the seq after which somebody still reads hot rows; None: nobody does."""
