# SPDX-License-Identifier: Apache-2.0
"""What a what-if model says of itself: what it answers, what it takes, its limits, and how far it was checked.

A declaration imports nothing heavy; `work` names the function that computes, loaded only by the process that runs it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from django.utils.functional import Promise

__all__ = ["Column", "Input", "Model", "Output", "Text"]

Text = str | Promise
Kind = Literal["number", "whole", "text", "choice", "table", "network"]


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a table: typed or pasted, one line a row. optional: may be left empty, and is then `default`."""

    key: str
    name: Text
    kind: Literal["text", "number", "whole", "time"] = "text"
    low: float | None = None
    high: float | None = None
    optional: bool = False
    default: float | str | None = None


@dataclass(frozen=True, kw_only=True)
class Input:
    """One input. unit: "" for a plain number. low, high: what is accepted. rows: of a table, at most."""

    key: str
    name: Text
    kind: Kind = "number"
    unit: Text = ""
    low: float | None = None
    high: float | None = None
    default: float | str | None = None
    optional: bool = False
    choices: Mapping[str, Text] = field(default_factory=dict)
    columns: tuple[Column, ...] = ()
    rows: int = 2000
    help: Text = ""


@dataclass(frozen=True, kw_only=True)
class Output:
    """A figure, or a column of a table of the result."""

    key: str
    name: Text
    unit: Text = ""


@dataclass(frozen=True, kw_only=True)
class Model:
    """A model. version: changes whenever the same inputs could give another result.

    limits: what it does not know. validation: how it was checked, and against what. work: "module:function", called with
    (inputs, seed) and giving {"figures", "tables", "notes", "map", "chart"}. example: inputs that can be tried at once.
    figures, tables: what the result is made of, in the order shown. notes: code → sentence.
    """

    key: str
    version: str
    name: Text
    answers: Text
    inputs: tuple[Input, ...]
    figures: tuple[Output, ...]
    tables: Mapping[str, tuple[Text, tuple[Output, ...]]]
    notes: Mapping[str, Text]
    limits: tuple[Text, ...]
    validation: Text
    work: str
    example: Mapping[str, Any]
    seeded: bool = False
    within_s: int = 300
