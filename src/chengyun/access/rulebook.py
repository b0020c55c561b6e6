# SPDX-License-Identifier: Apache-2.0
"""The policy as data: policy.toml, read once, checked whole, with what packs declared about their datasets."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import msgspec

from chengyun.access.environment import Surroundings, read_surroundings
from chengyun.access.masks import MASKS
from chengyun.city import City, load_city
from chengyun.config import config
from chengyun.errors import Misdeclared, nearest

FILE = Path(__file__).parent / "policy.toml"
# Not models.Role: the policy is also read where Django is not set up.
ROLES = frozenset(
    "duty_officer department_clerk data_steward grid_worker handler leader administrator security_officer auditor "  # noqa: SIM905
    "intake_clerk dispatcher verifier integrator resident anonymous".split()
)
PERSONAL_MASKS = {
    "name": "name", "id_number": "id_number", "phone": "phone", "address": "address", "bank_card": "bank_card",
    "email": "email", "plate": "plate", "birth_date": "birth_date", "lon": "coordinate", "lat": "coordinate",
}  # fmt: skip
"""For a register of persons that declares no masks of its own."""

OPENABLE = ("sensorthings",)
"""Datasets of the kernel that an installation may open to everybody by a setting."""

Kind = Literal["entity", "stream", "indicator", "case", "kernel"]


class Action(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    roles: list[str]


class Reading(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One reason why rows may be read; policy.toml says what each attribute means."""

    name: str
    roles: list[str]
    rows: Literal["all", "own_area", "open_subjects"]
    sharing: list[str] | None = None
    kinds: list[Kind] | None = None
    datasets: list[str] | None = None
    open: bool | None = None
    owner: bool = False
    personal: bool = False
    purposes: list[str] | None = None
    unmasked: bool = False
    hidden: list[str] = []

    def fits(self, facts: Facts) -> bool:
        """Say whether the reading speaks of a dataset."""
        return (
            self.personal == facts.personal
            and (self.open is None or self.open == facts.open)
            and (self.sharing is None or facts.sharing in self.sharing)
            and (self.kinds is None or facts.kind in self.kinds)
            and (self.datasets is None or facts.key in self.datasets)
        )


class Kernel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    sharing: Literal["unconditional", "conditional", "none"] = "conditional"
    open: bool = False
    personal: bool = False
    masks: dict[str, str] = {}
    time: str = ""


class Sessions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    idle_min: int
    privileged_idle_min: int
    longest_min: int
    second_factor_grace_h: int
    privileged_password_days: int
    privileged: list[str]


class Requests(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How sharing is asked for and answered; days are working days, but `longest_days` and `unused_days`."""

    answer_days: int
    correction_days: int
    warn_days: int
    longest_days: int
    unused_days: int
    bureau: str
    unshared_basis: str


class Separation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sets: list[list[str]]


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    groups: dict[str, list[str]]
    separation: Separation
    sessions: Sessions
    requests: Requests
    delegation: dict[str, list[str]]
    purposes: dict[str, str]
    actions: dict[str, Action]
    kernel: dict[str, Kernel]
    readings: list[Reading]


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the policy needs to know about a dataset.

    owner: name of the body that answers for it; "": the centre. time: the field that says when a row speaks of, or "".
    """

    key: str
    name: str
    kind: Kind
    owner: str = ""
    sharing: str = "none"
    open: bool = False
    personal: bool = False
    masks: Mapping[str, str] = field(default_factory=dict)
    time: str = ""


@dataclass(frozen=True, kw_only=True)
class Rulebook:
    """Everything the policy decides by, groups resolved to roles; `anyone` stays as it is."""

    actions: Mapping[str, tuple[str, frozenset[str]]]
    readings: tuple[tuple[Reading, frozenset[str]], ...]
    datasets: Mapping[str, Facts]
    purposes: Mapping[str, str]
    separation: tuple[frozenset[str], ...]
    privileged: frozenset[str]
    idle_min: int
    privileged_idle_min: int
    longest_min: int
    second_factor_grace_h: int
    privileged_password_days: int
    requests: Requests
    delegation: Mapping[str, frozenset[str]]
    surroundings: Surroundings = field(default_factory=lambda: Surroundings({}, ()))


@functools.cache
def rulebook() -> Rulebook:
    """Return this installation's rulebook. Raises Misdeclared with every fault found."""
    return read_rulebook(FILE, load_city(config().packs), config().opened)


def read_rulebook(path: Path, city: City, opened: Iterable[str] = ()) -> Rulebook:
    """Read a policy file against a city's declarations. opened: kernel datasets this installation lets everybody read.

    Raises Misdeclared with every fault found.
    """
    try:
        read = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _File)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as wrong:
        raise Misdeclared([f"access/{path.name}: {wrong}"]) from wrong
    datasets = {facts.key: facts for facts in (*_declared(city), *_kernel(read.kernel, opened))}
    faults: list[str] = []
    faults += [
        f"CHENGYUN_OPEN: {key!r} cannot be opened.{nearest(key, OPENABLE)} Possible: {', '.join(OPENABLE)}."
        for key in opened
        if key not in OPENABLE
    ]

    def roles_of(words: Iterable[str], at: str, *extra: str) -> frozenset[str]:
        found: set[str] = set()
        for word in words:
            if word in read.groups:
                found.update(read.groups[word])
            elif word in ROLES or word in extra:
                found.add(word)
            else:
                faults.append(f"access/{path.name}, {at}: {word!r} is no role.{nearest(word, [*ROLES, *read.groups])}")
        return frozenset(found)

    for group, words in read.groups.items():
        faults += [f"access/{path.name}, groups.{group}: {word!r} is no role." for word in words if word not in ROLES]
    for reading in read.readings:
        at = f"readings {reading.name!r}"
        for key in reading.datasets or ():
            if key not in datasets:
                faults.append(f"access/{path.name}, {at}: dataset {key!r} does not exist.{nearest(key, datasets)}")
        for purpose in reading.purposes or ():
            if purpose not in read.purposes:
                faults.append(f"access/{path.name}, {at}: purpose {purpose!r} is not listed.{nearest(purpose, read.purposes)}")
        if reading.personal and not reading.purposes:
            faults.append(f"access/{path.name}, {at}: a reading of persons needs `purposes`.")
    for facts in datasets.values():
        for name, kind in facts.masks.items():
            if kind not in MASKS:
                faults.append(f"{facts.key}: mask {kind!r} of {name!r} does not exist.{nearest(kind, MASKS)}")
    made = Rulebook(
        actions={key: (action.name, roles_of(action.roles, f"actions.{key}")) for key, action in read.actions.items()},
        readings=tuple((one, roles_of(one.roles, f"readings {one.name!r}", "anyone")) for one in read.readings),
        datasets=datasets,
        purposes=read.purposes,
        separation=tuple(roles_of(one, "separation") for one in read.separation.sets),
        privileged=roles_of(read.sessions.privileged, "sessions.privileged"),
        idle_min=read.sessions.idle_min,
        privileged_idle_min=read.sessions.privileged_idle_min,
        longest_min=read.sessions.longest_min,
        second_factor_grace_h=read.sessions.second_factor_grace_h,
        privileged_password_days=read.sessions.privileged_password_days,
        requests=read.requests,
        delegation={role: roles_of(words, f"delegation.{role}") for role, words in read.delegation.items()},
        surroundings=read_surroundings(datasets, faults),
    )
    if faults:
        raise Misdeclared(faults)
    return made


def _declared(city: City) -> Iterable[Facts]:
    def owner(key: str) -> str:
        return city.packs[key.split(".")[0]].pack.owner

    for key, it in city.entities.items():
        masks = it.masks if it.masks is not None else PERSONAL_MASKS if it.personal else {}
        yield Facts(
            key=key,
            name=it.name,
            kind="entity",
            owner=owner(key),
            sharing=it.sharing,
            open=it.open,
            personal=it.personal,
            masks=masks,
        )
    for key, it in city.streams.items():
        about = city.entities[f"{key.split('.')[0]}.{it.entity.to}"]
        # Observations of persons are as personal as the register of those persons, whatever the stream itself says.
        yield Facts(
            key=key, name=it.name, kind="stream", owner=owner(key), sharing=it.sharing,
            open=it.open and not about.personal, personal=about.personal, time=it.time,
        )  # fmt: skip
    for key, it in city.indicators.items():
        yield Facts(
            key=key, name=it.name, kind="indicator", owner=owner(key), sharing=it.sharing, open=it.open, time="period_start"
        )  # fmt: skip
    for key, it in city.cases.items():
        yield Facts(key=key, name=it.name, kind="case", owner=owner(key), sharing=it.sharing, open=it.open, time="opened_at")


def _kernel(declared: Mapping[str, Kernel], opened: Iterable[str]) -> Iterable[Facts]:
    for key, it in declared.items():
        yield Facts(
            key=key, name=it.name, kind="kernel", sharing=it.sharing, open=it.open or (key in opened and key in OPENABLE),
            personal=it.personal, masks=it.masks, time=it.time,
        )  # fmt: skip
