# SPDX-License-Identifier: Apache-2.0
"""What granian serves for `chengyun front`."""

from __future__ import annotations

from chengyun.collect.queue.front import Front

app = Front()
