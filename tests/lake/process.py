# SPDX-License-Identifier: Apache-2.0
"""Running one of the test's programs beside it, to be killed at a step."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from chengyun.config import config

from .conftest import Lake

HERE = Path(__file__).parent


def dies_at(lake: Lake, step: str, program: str, *words: str, more: Mapping[str, str] | None = None) -> None:
    """Run a program on the test's lake until it is killed at a step, which it must reach."""
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "chengyun.settings", "CHENGYUN_DATABASE_URL": lake.url, "CHENGYUN_DATA": str(config().data),
        "CHENGYUN_PACKS": "gauges", "CHENGYUN_LAKE_DIE_AT": step, "PYTHONPATH": os.pathsep.join([str(HERE / "packs"), *sys.path]),
    } | dict(more or {})  # fmt: skip
    command = [sys.executable, str(HERE / program), *words]
    died = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert died.returncode == -signal.SIGKILL, (died.returncode, died.stderr)
