# SPDX-License-Identifier: Apache-2.0
"""Common changes of a plan, made in its file: one block is written anew, the rest of the text stays as it is, comments too.

    text ── read ──▶ Document ── one change ──▶ Document' ── only the changed block ──▶ text'

What comes back is a text to look through and put in force like any other. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import msgspec

from chengyun.errors import Refused
from chengyun.operate.alerting.plan import Document, Inhibit, read_plan

__all__ = ["add_inhibit", "change_step", "drop_inhibit"]

HEADER = re.compile(r"\s*\[\[\s*(route|inhibit|chain|webhook)\s*\]\]")
KINDS = ("route", "inhibit", "chain", "webhook")


def change_step(text: str, chain: str, step: int, *, after_s: int | None = None, add: str = "", drop: str = "") -> str:
    """Return the text with a step of a chain changed: its time, an address more, an address less.

    step: its place, from 0. A step without anybody left goes. Raises Refused for a step that is not there.
    """
    plan = read_plan(text)
    place = next((place for place, one in enumerate(plan.chain) if one.name == chain), None)
    if place is None or not 0 <= step < len(plan.chain[place].steps):
        raise Refused(f"The plan has no step {step + 1} of a chain {chain!r} any more. Open it anew.", code="plan")
    held = plan.chain[place]
    was = held.steps[step]
    to = [one for one in was.to if one != drop] + ([add] if add and add not in was.to else [])
    now = msgspec.structs.replace(was, after_s=was.after_s if after_s is None else after_s, to=to)
    steps = [now if at == step else one for at, one in enumerate(held.steps) if at != step or to]
    chains = [msgspec.structs.replace(one, steps=steps) if at == place else one for at, one in enumerate(plan.chain)]
    return _written(text, msgspec.structs.replace(plan, chain=chains), "chain", place)


def add_inhibit(text: str, source: str, target: str, equal: str, name: str = "") -> str:
    """Return the text with an inhibition more: while an alert of a rule is open, those of another with an equal label wait."""
    plan = read_plan(text)
    new = Inhibit(source={"rule": [source]}, target={"rule": [target]}, equal=[equal], name=name)
    if any((one.source, one.target, one.equal) == (new.source, new.target, new.equal) for one in plan.inhibit):
        raise Refused("The plan has this inhibition already.", code="plan")
    return _checked(f"{text.rstrip()}\n\n{_block('inhibit', new)}", msgspec.structs.replace(plan, inhibit=[*plan.inhibit, new]))


def drop_inhibit(text: str, place: int) -> str:
    """Return the text without its inhibition at a place, from 0. Raises Refused where there is none."""
    plan = read_plan(text)
    if not 0 <= place < len(plan.inhibit):
        raise Refused("The plan has no such inhibition any more. Open it anew.", code="plan")
    kept = [one for at, one in enumerate(plan.inhibit) if at != place]
    return _written(text, msgspec.structs.replace(plan, inhibit=kept), "inhibit", place)


def _written(text: str, wanted: Document, kind: str, place: int) -> str:
    """Return the text with one block of a kind written anew, or left out where the document has it no more."""
    lines = text.splitlines()
    heads = [(number, found[1]) for number, line in enumerate(lines) if (found := HEADER.match(line))]
    mine = [number for number, one in heads if one == kind]
    held = getattr(wanted, kind)
    if place < len(mine):
        begin = mine[place]
        end = next((number for number, _ in heads if number > begin), len(lines))
        while end > begin + 1 and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
            end -= 1  # what stands right above the next block speaks of that one
        gone = len(mine) > len(held)
        new = [] if gone else _block(kind, held[place]).splitlines()
        if gone and end < len(lines) and not lines[end].strip():
            end += 1
        beside = "\n".join([*lines[:begin], *new, *lines[end:]]) + "\n"
        try:
            return _checked(beside, wanted)
        except Refused:
            pass  # written in another form than blocks, or the change itself is at fault: the whole is written, and says so
    return _checked("\n".join(_block(one, part) for one in KINDS for part in getattr(wanted, one)), wanted)


def _checked(text: str, wanted: Document) -> str:
    if read_plan(text) != wanted:
        raise Refused("The change cannot be written into this file. Change its text.", code="plan")
    return text


def _block(kind: str, part: msgspec.Struct) -> str:
    return "\n".join([f"[[{kind}]]", *_fields(part)]) + "\n"


def _fields(part: msgspec.Struct) -> Iterator[str]:
    for field in msgspec.structs.fields(part):
        value = getattr(part, field.name)
        default = field.default if field.default is not msgspec.NODEFAULT else None
        if field.default_factory is not msgspec.NODEFAULT:
            default = field.default_factory()
        if value != default or field.required:
            yield f"{field.name} = {_value(value, deep=field.name == 'steps')}"


def _value(value: object, *, deep: bool = False) -> str:
    match value:
        case str():
            return json.dumps(value, ensure_ascii=False)  # a JSON string is a TOML basic string, but for DEL, which none has
        case int():
            return str(value)
        case dict():
            return "{ " + ", ".join(f"{json.dumps(key)} = {_value(one)}" for key, one in value.items()) + " }"
        case list() if deep:
            return "[\n" + "".join(f"  {_value(one)},\n" for one in value) + "]"
        case list():
            return "[" + ", ".join(_value(one) for one in value) + "]"
        case msgspec.Struct():
            return "{ " + ", ".join(_fields(value)) + " }"
    raise TypeError(f"no TOML is written of {type(value).__name__}")
