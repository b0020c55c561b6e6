# SPDX-License-Identifier: Apache-2.0
"""Data elements: what a field means, said once and shared by every dataset, form and register that keeps it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from chengyun.city.declare import declaration

__all__ = ["ELEMENT_KEY", "ELEMENT_TYPES", "DataElement", "ElementType"]

ElementType = Literal["C", "N", "Y", "D", "T", "L", "M", "G", "B", "I", "F"]
ELEMENT_TYPES: dict[ElementType, str] = {
    "C": "字符型", "N": "数值型", "Y": "货币型", "D": "日期型", "T": "日期时间型", "L": "逻辑型", "M": "备注型", "G": "通用型",
    "B": "双精度型", "I": "整型", "F": "浮点型",
}  # fmt: skip
"""政务信息资源目录编制指南（试行），发改高技〔2017〕1272号: 信息项的数据类型."""

ELEMENT_KEY = re.compile(r"[a-z][a-z0-9_]{0,62}\.[a-z][a-z0-9_]{0,62}")
_SOURCE = re.compile(r"[a-z][a-z0-9_]{0,62}(\.[a-z][a-z0-9_]{0,62}){1,2}")


@declaration
class DataElement:
    """What a field means, wherever it is kept.

    key: `thing.property`, as in "person.name"; the same for every pack, never changed once released.
    type: letter of the guide, of ELEMENT_TYPES. length: in characters or digits; None: the type says it.
    definition: one sentence a clerk can decide by. personal: whether a value is about a person.
    source: the one field that is the source of record (一数一源), "pack.dataset.field", or "dataset.field" of the kernel;
        "": none is named yet.
    """

    key: str
    name: str
    type: ElementType
    length: int | None = None
    definition: str = ""
    source: str = ""
    personal: bool = False

    def faults(self) -> Iterator[str]:
        if not (isinstance(self.key, str) and ELEMENT_KEY.fullmatch(self.key)):
            yield f"key {self.key!r} is not thing.property, both lower_snake, as in person.name."
        if self.type not in ELEMENT_TYPES:
            yield f"type {self.type!r} is not one of {', '.join(ELEMENT_TYPES)}."
        if self.length is not None and self.length < 1:
            yield f"length is {self.length!r}, expected 1 or more, or None."
        if self.source and not _SOURCE.fullmatch(self.source):
            yield f"source {self.source!r} is not pack.dataset.field, as in population.person.name."
