# SPDX-License-Identifier: Apache-2.0
"""Declarations: frozen values that report their own faults, all at once, with file and line.

`@declaration` makes a frozen dataclass. A wrong attribute, type or value is a fault: inside
`collecting()` faults are gathered so that one start shows them all; outside, the first one raises.
A subclass adds its own rules by defining `faults(self)`, which yields sentences.
"""

from __future__ import annotations

import contextlib
import contextvars
import dataclasses
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar, dataclass_transform

from chengyun.errors import Misdeclared, nearest

T = TypeVar("T")

KEY = re.compile(r"[a-z][a-z0-9_]{0,62}")

_file: contextvars.ContextVar[str | None] = contextvars.ContextVar("file", default=None)
_faults: contextvars.ContextVar[list[str] | None] = contextvars.ContextVar("faults", default=None)


@contextlib.contextmanager
def collecting() -> Iterator[list[str]]:
    """Gather faults instead of raising at the first; the list is complete when the block ends."""
    gathered: list[str] = []
    token = _faults.set(gathered)
    try:
        yield gathered
    finally:
        _faults.reset(token)


@contextlib.contextmanager
def written_in(file: str) -> Iterator[None]:
    """Say that declarations made inside the block stand in a file that is not Python."""
    token = _file.set(file)
    try:
        yield
    finally:
        _file.reset(token)


def report(fault: str) -> None:
    """Record a fault, or raise Misdeclared at once when nobody is collecting."""
    gathered = _faults.get()
    if gathered is None:
        raise Misdeclared([fault])
    gathered.append(fault)


def is_key(word: object) -> bool:
    """Say whether the word can be a key: lower_snake, 1 to 63 characters, a letter first."""
    return isinstance(word, str) and KEY.fullmatch(word) is not None


def where(depth: int = 2) -> str:
    """Return `pack/file.py:line` of the first caller outside this package, or the file named by `written_in`."""
    if (named := _file.get()) is not None:
        return named
    frame = sys._getframe(depth)
    here = str(Path(__file__).parent)
    while frame.f_back is not None and frame.f_code.co_filename.startswith((here, "<string>")):
        frame = frame.f_back
    file = Path(frame.f_code.co_filename)
    return f"{file.parent.name}/{file.name}:{frame.f_lineno}"


@dataclass_transform(frozen_default=True, kw_only_default=False)
def declaration(cls: type[T]) -> type[T]:
    """Make a class a declaration: frozen, checked when made, knowing where it was written (`.at`)."""
    made: Any = dataclasses.dataclass(frozen=True, eq=False)(cls)
    fields = {field.name: field for field in dataclasses.fields(made) if field.init}
    required = [
        name
        for name, field in fields.items()
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    ]
    plain_init: Callable[..., None] = made.__init__

    def __init__(self: Any, *args: object, **given: object) -> None:
        at = where()
        object.__setattr__(self, "at", at)
        label = f"{cls.__name__}({args[0]!r})" if args else f"{cls.__name__}({given.get('key', '')!r})"
        sound = True
        for name in [name for name in given if name not in fields]:
            del given[name]
            report(f"{at} {label}: unknown attribute {name!r}.{nearest(name, fields)} It takes {', '.join(fields)}.")
            sound = False
        missing = [name for name in required[len(args) :] if name not in given]
        for name in missing:
            report(f"{at} {label}: {name!r} is missing.")
            given[name] = None
            sound = False
        plain_init(self, *args, **given)
        if sound:
            for fault in self.faults():
                report(f"{at} {label}: {fault}")

    made.__init__ = __init__
    if "faults" not in cls.__dict__ and not hasattr(cls, "faults"):
        made.faults = lambda _self: iter(())
    return made  # type: ignore[no-any-return]
