# SPDX-License-Identifier: Apache-2.0
"""Perceptual fingerprints of pictures: 64 bits that stay nearly the same when a picture is scaled or saved again.

A difference hash: the picture as 9 × 8 grey cells, one bit for each cell that is darker than its right neighbour.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["ALIKE", "distance", "fingerprint"]

ALIKE = 8
"""Bits that may differ in two saves of one picture; two different pictures differ in about half of the 64."""


def fingerprint(picture: Image) -> int:
    """Return a picture's fingerprint as a signed 64-bit number, as PostgreSQL keeps it."""
    from PIL.Image import Resampling

    cells = picture.convert("L").resize((9, 8), Resampling.BOX).tobytes()
    bits = 0
    for row in range(8):
        for left in range(row * 9, row * 9 + 8):
            bits = bits << 1 | (cells[left] < cells[left + 1])
    return bits - (1 << 64) if bits >> 63 else bits


def distance(one: int, other: int) -> int:
    """Return in how many of the 64 bits two fingerprints differ."""
    return ((one ^ other) & 0xFFFF_FFFF_FFFF_FFFF).bit_count()
