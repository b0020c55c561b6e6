# SPDX-License-Identifier: Apache-2.0
"""Who is told that a stream was sealed, without being imported: each registers in its ready()."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["after_seal"]

after_seal: list[Callable[[str, int], None]] = []
"""(stream, rows sealed): after the commit, when there were any."""
