# SPDX-License-Identifier: Apache-2.0
"""How soon an open board asks again, and how long an answer is kept for the others who ask."""

from __future__ import annotations

__all__ = ["AFTER_MS", "KEPT_FOR_S", "REFRESH_MS"]

KEPT_FOR_S = 0.3
"""Of the present: short enough that what arrives is seen within a second, long enough that a crowd costs as much as one."""
AFTER_MS = 330
"""So long after news it asks: later than any answer made before the news is kept."""
REFRESH_MS = 500
"""It asks for its lists again so often at most when there is news; figures are shown at once."""
