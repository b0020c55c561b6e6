# SPDX-License-Identifier: Apache-2.0
"""The API as programs of others use it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from spoken import Spoken

CLIENT = Path(__file__).resolve().parents[2] / "build" / "clients" / "frost" / "bin" / "python"


@pytest.mark.skipif(not CLIENT.exists(), reason="frost-sta-client is not there; `make clients` installs it")
def test_frost_sta_client_takes_its_twelve_steps(city: Spoken) -> None:
    steps = Path(__file__).parent / "frost_steps.py"
    done = subprocess.run([CLIENT, steps, city.root, city.token], capture_output=True, text=True, timeout=60)
    taken = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("ok")]
    assert taken == [str(step) for step in range(1, 13)], done.stdout + done.stderr[-2000:]
