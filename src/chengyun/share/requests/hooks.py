# SPDX-License-Identifier: Apache-2.0
"""Who is told what became of a request, without being imported: each registers in its ready()."""

from __future__ import annotations

from collections.abc import Callable

from chengyun.share.requests.models import Request

__all__ = ["settled"]

settled: list[Callable[[Request], None]] = []
"""The request as it now is: returned, approved, or at an end. In the transaction of the deed."""
