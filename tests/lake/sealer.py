# SPDX-License-Identifier: Apache-2.0
"""A process that seals the test's stream and merges every month, to be killed at a step: run with the lake's environment."""

from __future__ import annotations

import datetime as dt

import django

if __name__ == "__main__":
    django.setup()
    from chengyun.lake.services import seal

    seal("gauges.level", keep_sealed=dt.timedelta(0), most_files=1)
