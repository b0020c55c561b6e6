# SPDX-License-Identifier: Apache-2.0
"""What a made-up city follows from, kept in <data>/simulation/world.json.

Loads nothing heavy: processes that run for good ask it.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from chengyun.config import Config

__all__ = ["PEOPLE_A_SCALE", "Settings", "begin_demo", "due", "settings_file"]

PEOPLE_A_SCALE = 20_000
"""So many people live in the city whose incidents a week a habits file tells: some four a thousand people. There is no
source for it here; it is this simulation's assumption."""
HOUR = dt.timedelta(hours=1)
SETTLED = dt.timedelta(minutes=2)
"""How long after an hour its observations are sent."""
DEMO_BEGINS = dt.timedelta(days=2)
"""How far back the city of `chengyun up --demo` begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a made-up city follows from. begins: its first moment, UTC; nothing is planted before it.

    registered: people, and with them houses and firms in proportion, that are told to the registers. trouble: how many times
    what packs tell befalls sensors and the places they stand at. until: how far it was made; None: it was not.
    """

    seed: int
    people: int
    sensors: int
    begins: dt.datetime
    registered: int = 2_000
    trouble: float = 1.0
    until: dt.datetime | None = None

    def save(self, path: Path) -> None:
        """Keep them, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(".new")
        beside.write_text(json.dumps(asdict(self), indent=1, default=dt.datetime.isoformat), encoding="utf-8")
        beside.replace(path)

    @classmethod
    def load(cls, path: Path) -> Settings | None:
        """Return what was kept; None where nothing was."""
        try:
            told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        times = {name: dt.datetime.fromisoformat(told[name]) for name in ("begins", "until") if told[name]}
        return cls(**{**told, **times})


def settings_file(config: Config) -> Path:
    """Return where an installation keeps what its made-up city follows from."""
    return config.data / "simulation" / "world.json"


def begin_demo(config: Config, now: dt.datetime) -> None:
    """Say that a small city is to live here, unless one was made before."""
    path = settings_file(config)
    if Settings.load(path) is None:
        hour = now.astimezone(dt.UTC).replace(minute=0, second=0, microsecond=0)
        Settings(seed=int(config.city), people=20_000, sensors=300, begins=hour - DEMO_BEGINS, registered=0).save(path)


def due(config: Config, now: dt.datetime) -> bool:
    """Say whether a made-up city has an hour to tell."""
    settings = Settings.load(settings_file(config))
    return settings is not None and now >= (settings.until or settings.begins) + HOUR + SETTLED
