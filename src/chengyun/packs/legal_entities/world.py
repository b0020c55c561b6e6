# SPDX-License-Identifier: Apache-2.0
"""What market supervision tells of a made-up city's firms; their codes check and lie in a zone nobody is given."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator, Sequence

from chengyun.city import Firm, Stated, Telling
from chengyun.packs.legal_entities.simulate import TRADES, WORDS, credit_code
from chengyun.standards.chinese_names import invent


def registered(firms: Sequence[Firm], today: dt.date) -> Iterator[Stated]:  # noqa: ARG001  firms stay
    """Yield firms."""
    for firm in firms:
        chance = random.Random(firm.lot)  # noqa: S311  reproducible, not secret
        trade, industry, _licence = chance.choice(TRADES)
        house = firm.house
        code = credit_code("91", house.area_code, firm.number)
        yield Stated("enterprise", code, {
            "name": f"宁波{chance.choice(WORDS)}{chance.choice(WORDS)}{trade}有限公司", "uscc": code, "kind": "company",
            "standing": "active", "representative": invent(chance), "established": firm.founded,
            "capital": str(chance.choice([10, 50, 100, 500, 1000, 5000])), "industry": industry, "scope": f"{trade}相关业务",
            "address": f"宁波市{house.address}", "area_code": house.area_code, "building": house.key,
            "registrar": "市场监督管理局",
        }, firm.founded)  # fmt: skip


TELLINGS = (Telling("market", "firm", registered),)
