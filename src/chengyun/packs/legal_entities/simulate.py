# SPDX-License-Identifier: Apache-2.0
"""Firms that do not exist, with licences, changes and ties; their codes check (GB 32100-2015) and lie in a zone nobody is given.

The organisation code inside is of PDY00001 to PDY99999, which whoever uses it defines for himself.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator, Sequence

from chengyun.city import SimulatedArea, Stated, Synthetic
from chengyun.standards.chinese_names import invent
from chengyun.standards.identifiers.organisations import CODE_ALPHABET, CODE_WEIGHTS, USCC_ALPHABET, USCC_WEIGHTS

FIRMS = 30
"""In each district."""
TRADES = (
    ("餐饮", "6210", "食品经营许可证"),
    ("食品", "5212", "食品经营许可证"),
    ("化工", "2669", "安全生产许可证"),
    ("物流", "5430", "道路运输经营许可证"),
    ("建设", "4710", "建筑业企业资质证书"),
    ("贸易", "5199", ""),
    ("科技", "6513", ""),
    ("服饰", "1819", ""),
    ("模具", "3525", ""),
)
WORDS = "甬海天明宏信诚达利丰源泰和顺通联创新盛华东方正大"


def registered(areas: Sequence[SimulatedArea], chance: random.Random, today: dt.date) -> Iterator[Stated]:
    """Yield firms, what changed of them, their licences and ties, as market supervision would have them."""
    number = 0
    codes: list[str] = []
    for area in areas:
        for _firm in range(FIRMS):
            number += 1
            code = credit_code("91", area.code, number)
            codes.append(code)
            yield from _firm_of(area, code, number, chance, today)
            if number % 4 == 0 and len(codes) > 3:
                other = chance.choice(codes[:-1])
                yield Stated("relation", f"R{number:06d}A", {
                    "name": "股东", "enterprise": code, "kind": "shareholder", "other": other, "area_code": area.code,
                    "share": chance.choice(["20.00", "35.00", "51.00", "100.00"]),
                }, today - dt.timedelta(days=chance.randrange(200, 2000)))  # fmt: skip


def taxed(areas: Sequence[SimulatedArea], chance: random.Random, today: dt.date) -> Iterator[Stated]:
    """Yield what the tax office says: telephones, and for some another address than the registered one."""
    number = 0
    for area in areas:
        for _firm in range(FIRMS):
            number += 1
            if number % 3:
                continue
            values = {"phone": f"0574-8{chance.randrange(10**7):07d}", "standing": "active"}
            if number % 15 == 0:
                values["address"] = f"宁波市{area.name}经营路{chance.randrange(1, 99)}号"
            yield Stated(
                "enterprise", credit_code("91", area.code, number), values, today - dt.timedelta(days=chance.randrange(400))
            )


def credit_code(first: str, division: str, number: int) -> str:
    """Return a code that checks and is nobody's."""
    body = f"PDY{number:05d}"
    total = sum(CODE_ALPHABET.index(char) * weight for char, weight in zip(body, CODE_WEIGHTS, strict=True))
    body += {10: "X", 11: "0"}.get(11 - total % 11, str(11 - total % 11))
    code = first + division[:6] + body
    value = sum(USCC_ALPHABET.index(char) * weight for char, weight in zip(code, USCC_WEIGHTS, strict=True))
    return code + USCC_ALPHABET[-value % 31]


def _firm_of(area: SimulatedArea, code: str, number: int, chance: random.Random, today: dt.date) -> Iterator[Stated]:
    trade, industry, licence = chance.choice(TRADES)
    since = today - dt.timedelta(days=chance.randrange(400, 6000))
    name = f"宁波{chance.choice(WORDS)}{chance.choice(WORDS)}{trade}有限公司"
    home = number % 12 + 1
    yield Stated("enterprise", code, {
        "name": name, "uscc": code, "kind": "company", "standing": "active", "representative": invent(chance),
        "established": since, "capital": str(chance.choice([10, 50, 100, 500, 1000, 5000])), "industry": industry,
        "scope": f"{trade}相关业务", "address": f"宁波市{area.name}模拟路{home}号1幢", "area_code": area.code,
        "building": f"{area.code}-{home:03d}", "registrar": f"{area.name}市场监督管理局",
    }, since)  # fmt: skip
    if number % 5 == 0:
        yield Stated("enterprise", code, {"representative": invent(chance)}, since + dt.timedelta(days=300))
    if number % 11 == 0:
        yield Stated("enterprise", code, {"standing": "cancelled"}, today - dt.timedelta(days=chance.randrange(30, 300)))
    yield Stated("relation", f"R{number:06d}", {
        "name": "法定代表人", "enterprise": code, "kind": "representative", "person": invent(chance), "area_code": area.code,
    }, since)  # fmt: skip
    if licence:
        begin = today - dt.timedelta(days=chance.randrange(100, 1700))
        said = {
            "name": licence, "enterprise": code, "number": f"JY{number:08d}", "kind": licence, "standing": "issued",
            "area_code": area.code, "registrar": f"{area.name}市场监督管理局", "activity": trade,
        }  # fmt: skip
        yield Stated("licence", f"L{number:08d}", said, begin, begin + dt.timedelta(days=5 * 365))


SYNTHETIC = (Synthetic("market", registered), Synthetic("tax", taxed))
