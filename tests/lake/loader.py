# SPDX-License-Identifier: Apache-2.0
"""A process that loads a file as history in parts of a few rows, to be killed at a step: run with the lake's environment."""

from __future__ import annotations

import sys
from pathlib import Path

import django

if __name__ == "__main__":
    django.setup()
    from django.conf import settings

    from chengyun.collect import backload, tabular
    from chengyun.config import config

    tabular.PART_BYTES = backload.PART_BYTES = int(sys.argv[1])
    loaded = backload.load_history(config(), settings.CITY, "air_quality.china_hours", [Path(sys.argv[2])])
    print(loaded.stored, loaded.skipped)
