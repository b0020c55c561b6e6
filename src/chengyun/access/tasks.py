# SPDX-License-Identifier: Apache-2.0
"""What the jobs process does for access: it keeps the database's own wall in step with the grants, where one is set.

CHENGYUN_WALL=1    a role of PostgreSQL for every body that draws data, with row-level security; see docs/access.md
"""

from __future__ import annotations

import os

from procrastinate.contrib.django import app


@app.periodic(cron="*/5 * * * *")
@app.task(name="access.wall", queueing_lock="access.wall", lock="access.wall")
def keep_wall(timestamp: int) -> None:  # noqa: ARG001  # procrastinate gives periodic tasks their time
    """Make what new grants need and take down what ended; those that ended show no row already. CHENGYUN_WALL=1 asks for it."""
    if os.environ.get("CHENGYUN_WALL") == "1":
        from chengyun.access.wall import sync  # not needed where there is no wall

        sync()
