# SPDX-License-Identifier: Apache-2.0
"""What the `protocols` process loads: Django first, whose models the policy asks, then the doors."""

from __future__ import annotations

from chengyun.run.setup import django

django()

from chengyun.protocols.asgi import App  # noqa: E402 - Django first

app = App()
