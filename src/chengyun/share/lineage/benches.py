# SPDX-License-Identifier: Apache-2.0
"""Measurement of lineage: any column of a made city of 60 packs, in a process that has just started and in one that runs.

CHENGYUN_BENCH_PACKS: how many packs, 60.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile

from chengyun.bench.frame import Bench, Result
from chengyun.errors import Unavailable

__all__ = ["BENCHES"]

AIM_MS = 300


def lineage() -> list[Result]:
    """Return how long the surroundings of a column take, three places far each way, with who is hit by its end."""
    packs = int(os.environ.get("CHENGYUN_BENCH_PACKS", "60"))
    with tempfile.TemporaryDirectory(prefix="cy-") as folder:
        first, cold = (_process(folder, packs) for _ in range(2))
    beside = {"columns": f"{cold['columns']:.0f}", "edges": f"{cold['edges']:.0f}", "formulas": f"{cold['indicators']:.0f}"}
    return [
        Result(
            name="lineage", value=cold["worst"], unit="ms", target=AIM_MS,
            compared={"95th percentile": f"{cold['p95']:.1f} ms", **beside},
            notes=f"Worst of 400 columns of {packs} packs and of the one most used; permissions asked, no template.",
        ),
        Result(
            name="lineage-cold", value=cold["ready"], unit="ms", target=AIM_MS,
            compared={"with every formula read anew": f"{first['ready']:.0f} ms"},
            notes="First answer of a new process, with the graph it builds from the declarations and what was kept of formulas.",
        ),
    ]  # fmt: skip


def _process(folder: str, packs: int) -> dict[str, float]:
    given = {"CHENGYUN_DATA": folder, "CHENGYUN_DATABASE_URL": os.environ.get("CHENGYUN_DATABASE_URL", "postgresql:///unused")}
    done = subprocess.run(
        [sys.executable, "-m", "chengyun.share.lineage.measuring", folder, str(packs)],
        env=os.environ | given, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    if done.returncode:
        raise Unavailable(f"The lineage of {packs} packs could not be measured: {done.stderr.strip()[-400:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


BENCHES: dict[str, Bench] = {"lineage": lineage}
