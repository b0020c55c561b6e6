# SPDX-License-Identifier: Apache-2.0
"""What was typed, as the values a model takes; what is wrong is said by field and line."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from chengyun.errors import Refused
from chengyun.govern.whatif.declared import Column, Input, Model
from chengyun.govern.whatif.models import Network

__all__ = ["basis_of", "read_inputs", "written"]

_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


def read_inputs(model: Model, given: Mapping[str, str]) -> dict[str, Any]:
    """Return the inputs of a model from text by key. Raises Refused for the first that is wrong."""
    return {one.key: _read(one, given.get(one.key, "").strip()) for one in model.inputs}


def basis_of(model: Model, inputs: Mapping[str, Any]) -> dict[str, str]:
    """Return the digests of the networks that inputs name. Raises Refused for one that is not there."""
    found = {}
    for one in model.inputs:
        if one.kind == "network":
            digest = Network.objects.filter(key=inputs[one.key]).values_list("digest", flat=True).first()
            if digest is None:
                raise Refused(_("没有这个路网：%s。") % inputs[one.key], code=one.key)
            found[one.key] = digest
    return found


def written(model: Model, inputs: Mapping[str, Any]) -> dict[str, str]:
    """Return inputs as the text that reads back as them."""
    return {one.key: _write(one, inputs.get(one.key)) for one in model.inputs}


def _read(one: Input, text: str) -> Any:
    if not text:
        if one.optional or one.default is not None:
            return one.default
        raise Refused(_("请填写：%s。") % one.name, code=one.key)
    if one.kind == "table":
        return _table(one, text)
    if one.kind in ("number", "whole"):
        return _number(text, one.kind, one.low, one.high, str(one.name), one.key)
    if one.kind == "choice" and text not in one.choices:
        raise Refused(_("请选择：%s。") % one.name, code=one.key)
    return text[:200]


def _table(one: Input, text: str) -> list[dict[str, Any]]:
    rows = []
    for number, line in enumerate(csv.reader(io.StringIO(text), delimiter="\t" if "\t" in text else ","), 1):
        cells = [cell.strip() for cell in line]
        if not any(cells) or (number == 1 and _is_heading(one, cells)):
            continue
        if len(cells) > len(one.columns):
            words = {"name": one.name, "line": number, "count": len(cells), "most": len(one.columns)}
            raise Refused(_("%(name)s第 %(line)s 行有 %(count)s 列，至多 %(most)s 列。") % words, code=one.key)
        cells += [""] * (len(one.columns) - len(cells))
        rows.append({column.key: _cell(one, column, cell, number) for column, cell in zip(one.columns, cells, strict=True)})
        if len(rows) > one.rows:
            raise Refused(_("%(name)s至多 %(most)s 行。") % {"name": one.name, "most": one.rows}, code=one.key)
    if not rows:
        raise Refused(_("请填写：%s。") % one.name, code=one.key)
    return rows


def _is_heading(one: Input, cells: list[str]) -> bool:
    """Say whether a first line is the heading it was pasted with: a word where a number belongs."""
    return any(
        cell and column.kind in ("number", "whole") and not _is_number(cell)
        for cell, column in zip(cells, one.columns, strict=False)
    )


def _cell(one: Input, column: Column, text: str, line: int) -> Any:
    where = _("%(name)s第 %(line)s 行“%(column)s”") % {"name": one.name, "line": line, "column": column.name}
    if not text:
        if column.optional:
            return column.default
        raise Refused(_("%s没有填写。") % where, code=one.key)
    if column.kind == "time":
        if not (found := _TIME.fullmatch(text)):
            raise Refused(_("%s不是时刻，例如 08:30。") % where, code=one.key)
        return int(found[1]) * 60 + int(found[2])
    if column.kind == "text":
        return text[:100]
    return _number(text, column.kind, column.low, column.high, where, one.key)


def _number(text: str, kind: str, low: float | None, high: float | None, where: str, code: str) -> float | int:
    cleaned = text.replace("，", "").replace(",", "")
    if not _is_number(cleaned):
        raise Refused(_("%s不是数。") % where, code=code)
    value = float(cleaned)
    if kind == "whole" and value != int(value):
        raise Refused(_("%s须为整数。") % where, code=code)
    if (low is not None and value < low) or (high is not None and value > high):
        span = f"{'' if low is None else f'{low:g}'}–{'' if high is None else f'{high:g}'}"
        raise Refused(_("%(where)s须在 %(span)s 之间。") % {"where": where, "span": span}, code=code)
    return int(value) if kind == "whole" else value


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text.replace(",", "")))
    except ValueError:
        return False


def _write(one: Input, value: Any) -> str:
    if value is None:
        return ""
    if one.kind != "table":
        return f"{value:g}" if isinstance(value, float) else str(value)
    lines = []
    for row in value:
        cells = []
        for column in one.columns:
            cell = row.get(column.key)
            if column.kind == "time" and cell is not None:
                cells.append(f"{cell // 60:02d}:{cell % 60:02d}")
            else:
                cells.append("" if cell is None else f"{cell:.10g}" if isinstance(cell, float) else str(cell))
        lines.append("\t".join(cells))
    return "\n".join(lines)
