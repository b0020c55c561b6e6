# SPDX-License-Identifier: Apache-2.0
"""A source's declaration as what would have been typed into its form, and back; what the form does not ask stays as it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from chengyun.web.sources.forms import PLAIN, form_page, read_form

__all__ = ["changed", "typed"]


def typed(spec: Mapping[str, Any]) -> dict[str, str]:
    """Return a declaration as the fields of its form. spec: plain values, as a source keeps them."""
    given = {name: str(spec[name]) for name in PLAIN if spec.get(name)}
    target = spec.get("stream") or spec.get("register") or {}
    given |= {"kind": spec["read"]["kind"], "to": target.get("to", ""), "drift": spec.get("drift", "stop")}
    if spec.get("deletions"):
        given["deletions"] = "1"
    for name, value in spec["read"].items():
        if name != "kind":
            given[f"read.{name}"] = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return given | {f"column.{name}": _written(cell) for name, cell in _cells(spec).items()}


def changed(spec: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    """Return a declaration with what was typed. Raises Refused for what is no JSON where JSON belongs.

    What the form has no field for stays: further settings of the reading, and how a column's values are translated.
    """
    before = typed(spec)
    made = read_form({**given, "key": before["key"], "kind": before["kind"], "to": before["to"]})
    page = form_page(before)
    asked = {it.name.removeprefix("read.") for it in page.reading}
    made["read"] = {name: value for name, value in spec["read"].items() if name not in asked} | made["read"]
    part = "stream" if "stream" in made else "register"
    old = _cells(spec)
    cells = {name: _again(old.get(name), cell) for name, cell in made[part]["columns"].items()}
    if part == "register":
        made[part]["key"] = _again(old.get("key"), made[part]["key"])
    shown = {it.name.removeprefix("column.") for it in page.columns}
    kept = {name: cell for name, cell in (spec[part].get("columns") or {}).items() if name not in shown}
    made[part]["columns"] = {**kept, **cells}
    known = {*PLAIN, "read", "stream", "register", "drift", "deletions"}
    return {name: value for name, value in spec.items() if name not in known} | made


def _cells(spec: Mapping[str, Any]) -> dict[str, Any]:
    if register := spec.get("register"):
        return {"key": register["key"], **register.get("columns", {})}
    return dict((spec.get("stream") or {}).get("columns", {}))


def _written(cell: Any) -> str:
    if not isinstance(cell, dict):
        return str(cell)
    return f"{cell['column']} * {cell['factor']:g}" if cell.get("factor") else str(cell["column"])


def _again(before: Any, now: Any) -> Any:
    """Return a cell as it was typed, with what the form cannot show of the cell it had."""
    if not isinstance(before, dict):
        return now
    rest = {name: value for name, value in before.items() if name not in ("column", "factor")}
    return {**rest, **(now if isinstance(now, dict) else {"column": now})} if rest else now
