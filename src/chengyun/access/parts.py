# SPDX-License-Identifier: Apache-2.0
"""What may be written by itself, or by a statement that writes more: one way to the database and back instead of several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Part"]


@dataclass(frozen=True, slots=True)
class Part:
    """text: what stands in the WITH of a statement, each value with a cast; values: in the order of their places."""

    text: str
    values: Sequence[str | int | None]
