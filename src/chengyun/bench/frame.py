# SPDX-License-Identifier: Apache-2.0
"""The frame of every measurement: what one reports, where they are found, how they are printed.

A part of the program measures itself in `chengyun/<part>/benches.py`: `BENCHES`, a mapping of name → function. A
function measures and returns its Results. Names are stable: people compare them over years.
"""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import json
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import psutil

from chengyun.errors import NotFound, nearest

PARTS = (
    "bench", "areas", "lake", "collect", "collect.things", "collect.mqtt", "collect.pull", "collect.queue", "operate",
    "operate.alerting", "operate.cluster", "operate.detectors", "operate.forecasts",
    "cases", "cases.category", "cases.duplicates", "cases.crews", "cases.intake", "cases.evaluation", "cases.statistics",
    "protocols.exchange", "share.lineage", "share.askonce", "share.registers", "share.lookups",
    "protocols.sensorthings", "protocols.ngsild", "protocols.ogc",
    "share.catalogue", "simulate", "web", "web.boards", "web.components",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Result:
    """One measured number and what it should be.

    target: the number to reach, in the unit; None: there is none, it is only watched.
    better: whether a smaller or a larger value is the better one.
    compared: what the same run measured beside it, name → value with its unit.
    notes: how it was measured, in one or two sentences.
    """

    name: str
    value: float
    unit: str
    target: float | None = None
    better: Literal["lower", "higher"] = "lower"
    compared: Mapping[str, str] = field(default_factory=dict)
    notes: str = ""

    @property
    def holds(self) -> bool:
        """Whether the target is reached; true where there is none."""
        if self.target is None:
            return True
        return self.value <= self.target if self.better == "lower" else self.value >= self.target

    def as_json(self) -> dict[str, Any]:
        return {**dataclasses.asdict(self), "value": _rounded(self.value), "holds": self.holds}

    def line(self) -> str:
        """Return the result as a person reads it."""
        sign = "≤" if self.better == "lower" else "≥"
        aim = (
            "" if self.target is None else f"  (target {sign} {self.target:g} {self.unit}: {'holds' if self.holds else 'MISSED'})"
        )
        beside = "".join(f"; {name} {value}" for name, value in self.compared.items())
        return f"{self.name:<16} {_rounded(self.value):>14,} {self.unit}{aim}{beside}"


Bench = Callable[[], Sequence[Result]]


def benches() -> dict[str, Bench]:
    """Return every measurement by name, in the order of the parts."""
    found: dict[str, Bench] = {}
    for part in PARTS:
        if importlib.util.find_spec(f"chengyun.{part}.benches"):
            found.update(importlib.import_module(f"chengyun.{part}.benches").BENCHES)
    return found


def run(names: Sequence[str], *, quiet: bool = False) -> list[Result]:
    """Run measurements one after the other, printing each as it ends. Raises NotFound for an unknown name."""
    known = benches()
    for name in names:
        if name not in known:
            raise NotFound(f"There is no bench {name!r}.{nearest(name, known)} There are {', '.join(known)}.")
    results: list[Result] = []
    for name in names or known:
        for result in known[name]():
            results.append(result)
            if not quiet:
                print(result.line(), flush=True)
    return results


def report(results: Sequence[Result]) -> str:
    """Return the one JSON object a run ends with: the result itself, or all of them under "results"."""
    here = machine()
    if len(results) == 1:
        return json.dumps({**results[0].as_json(), "machine": here}, ensure_ascii=False)
    parts = [result.as_json() for result in results]
    return json.dumps({"results": parts, "holds": all(result.holds for result in results), "machine": here}, ensure_ascii=False)


def machine() -> dict[str, Any]:
    """Return what the numbers depend on."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _rounded(value: float) -> float:
    return round(value) if abs(value) >= 1000 else float(f"{value:.4g}")
