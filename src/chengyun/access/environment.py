# SPDX-License-Identifier: Apache-2.0
"""The surroundings of a decision: when it is asked, and from which part of the network. Conditions only ever refuse.

| setting | meaning | default |
|---|---|---|
| CHENGYUN_CONDITIONS | a TOML file with an installation's own zones and conditions | none |

    [zones]
    government = ["10.0.0.0/8"]

    [[conditions]]                    # every attribute that is given must fit the dataset
    name = "个人信息只在政务外网、工作时间读取"
    personal = true
    zones = ["government"]            # refused from anywhere else
    hours = ["08:30", "18:00"]        # local time; refused outside, the second excluded
    working_days = true               # refused on other days

Attributes as NIST SP 800-162 names them: of the subject (role, body, area), the object (dataset, kind, sharing, openness, whether
about persons), the action, and the environment, which is here.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec

from chengyun.config import config
from chengyun.errors import nearest
from chengyun.standards.calendar import WorkingDays, official_days, read_days

__all__ = ["Condition", "Surroundings", "read_surroundings"]

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d|24:00")


class About(Protocol):
    """What of a dataset a condition asks."""

    @property
    def key(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def sharing(self) -> str: ...
    @property
    def personal(self) -> bool: ...


class Condition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    datasets: list[str] | None = None
    kinds: list[str] | None = None
    sharing: list[str] | None = None
    personal: bool | None = None
    zones: list[str] | None = None
    hours: tuple[str, str] | None = None
    working_days: bool = False

    def fits(self, about: About) -> bool:
        """Say whether the condition speaks of a dataset."""
        return (
            (self.datasets is None or about.key in self.datasets)
            and (self.kinds is None or about.kind in self.kinds)
            and (self.sharing is None or about.sharing in self.sharing)
            and (self.personal is None or about.personal == self.personal)
        )

    def met(self, zone: str, now: dt.datetime, days: WorkingDays) -> bool:
        """Say whether one may read from a zone at a time. zone: "" when it is not known, which is in no zone."""
        local = now.astimezone(config().zone)
        clock = f"{local:%H:%M}"
        return (
            (self.zones is None or zone in self.zones)
            and (self.hours is None or self.hours[0] <= clock < self.hours[1])
            and (not self.working_days or days.is_working(local.date()))
        )


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    zones: dict[str, list[str]] = {}
    conditions: list[Condition] = []


@dataclass(frozen=True)
class Surroundings:
    """An installation's zones and conditions. days: read when a condition first asks for them."""

    zones: Mapping[str, tuple[Network, ...]]
    conditions: tuple[Condition, ...]

    def zone_of(self, address: str) -> str:
        """Return the first zone an address lies in; "" for none and for what is no address."""
        try:
            at = ipaddress.ip_address(address)
        except ValueError:
            return ""
        at = getattr(at, "ipv4_mapped", None) or at
        return next((name for name, networks in self.zones.items() if any(at in network for network in networks)), "")

    def refusal(self, about: About, zone: str, now: dt.datetime) -> str:
        """Return the name of the first condition that is not met; "" when all are."""
        asked = [one for one in self.conditions if one.fits(about)]
        if not asked:
            return ""
        days = _days()
        return next((one.name for one in asked if not one.met(zone, now, days)), "")


def read_surroundings(known: Iterable[str], faults: list[str], file: Path | None = None) -> Surroundings:
    """Read the installation's file; what is wrong with it goes into faults. known: the datasets there are."""
    given = os.environ.get("CHENGYUN_CONDITIONS")
    file = file or (Path(given) if given else None)
    if file is None:
        return Surroundings({}, ())
    try:
        read = msgspec.convert(tomllib.loads(file.read_text(encoding="utf-8")), _File)
    except (OSError, tomllib.TOMLDecodeError, msgspec.ValidationError) as wrong:
        faults.append(f"CHENGYUN_CONDITIONS, {file.name}: {wrong}")
        return Surroundings({}, ())
    zones: dict[str, tuple[Network, ...]] = {}
    for name, networks in read.zones.items():
        try:
            zones[name] = tuple(ipaddress.ip_network(one) for one in networks)
        except ValueError as wrong:
            faults.append(f"{file.name}, zones.{name}: {wrong}. Write a network like 10.0.0.0/8.")
    datasets = set(known)
    for one in read.conditions:
        at = f"{file.name}, conditions {one.name!r}"
        faults += [
            f"{at}: dataset {key!r} does not exist.{nearest(key, datasets)}" for key in one.datasets or () if key not in datasets
        ]
        faults += [
            f"{at}: zone {zone!r} is not declared.{nearest(zone, read.zones)}"
            for zone in one.zones or ()
            if zone not in read.zones
        ]
        if one.hours and not (all(map(TIME.fullmatch, one.hours)) and one.hours[0] < one.hours[1]):
            faults.append(f"{at}: hours are {list(one.hours)}, expected two times of one day like 08:30 and 18:00.")
        if one.zones is None and one.hours is None and not one.working_days:
            faults.append(f"{at} refuses nothing: give zones, hours or working_days.")
    return Surroundings(zones, tuple(read.conditions))


def _days() -> WorkingDays:
    own = config().holidays
    known = read_days(own) if own else official_days()
    return WorkingDays(known.first, known.last, known.off, known.worked, guess=True)
