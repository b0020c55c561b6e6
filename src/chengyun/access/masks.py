# SPDX-License-Identifier: Apache-2.0
"""Masks: what a reader without a grant sees in place of a personal field.

Every mask is idempotent (masking a masked value changes nothing) and safe for what is short or malformed: what it cannot
recognise is masked whole. They are for output; nothing masked is ever stored, searched, sorted or filtered by.

Standard: GB/T 37964-2019 names the techniques; the widths are common practice, there is no table in it.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

STAR = "*"
_METRES_100 = Decimal("0.001")
COMPOUND_SURNAMES = frozenset(
    "欧阳 太史 端木 上官 司马 东方 独孤 南宫 万俟 闻人 夏侯 诸葛 尉迟 公羊 赫连 澹台 皇甫 宗政 濮阳 公冶 太叔 申屠 公孙 慕容 "  # noqa: SIM905
    "仲孙 钟离 长孙 宇文 司徒 鲜于 司空 闾丘 子车 亓官 司寇 巫马 公西 颛孙 壤驷 公良 漆雕 乐正 宰父 谷梁 拓跋 夹谷 轩辕 令狐 "
    "段干 百里 呼延 东郭 南门 羊舌 微生 左丘 东门 西门".split()
)


def name(value: str) -> str:
    """张三 → 张*; 欧阳娜娜 → 欧阳**."""
    if not value:
        return value
    shown = 2 if len(value) > 2 and value[:2] in COMPOUND_SURNAMES else 1
    return value[:shown] + STAR * (len(value) - shown) if len(value) > 1 else STAR


def name_last(value: str) -> str:
    """张三 → *三; 王小明 → **明: where the given name is asked for."""
    return STAR * (len(value) - 1) + value[-1] if len(value) > 1 else STAR * len(value)


def id_number(value: str) -> str:
    """33020319900101001X → 3****************X."""
    if re.fullmatch(r"[0-9](?:\*{16}|[0-9]{16})[0-9Xx]", value):
        return value[0] + STAR * 16 + value[-1]
    return _all(value)


def id_number_statistical(value: str) -> str:
    """33020319900101001X → 3302**1990********: city and year of birth, for statistics."""
    found = re.fullmatch(r"([1-9]\d{3})[\d*]{2}((?:18|19|20)\d{2})[\d*]{7}[\dXx*]", value, re.ASCII)
    return f"{found[1]}**{found[2]}********" if found else _all(value)


def phone(value: str) -> str:
    """13812345678 → 138****5678; 0574-87181234 → 0574-****1234."""
    if found := re.fullmatch(r"(1[0-9]{2})[0-9*]{4}([0-9]{4})", value):
        return f"{found[1]}****{found[2]}"
    if found := re.fullmatch(r"(0[0-9]{2,3}-?)([0-9*]{3,4})([0-9]{4})", value):
        return f"{found[1]}{STAR * len(found[2])}{found[3]}"
    return _all(value)


def address(value: str) -> str:
    """宁波市海曙区解放南路1号 → 宁波市海曙区***: as far as the district, county or street office."""
    found = re.match(r"(?:.{1,8}?省)?(?:.{1,8}?[市州盟])?.{1,8}?(?:区|县|旗|市)(?:.{1,8}?(?:街道|镇|乡))?", value)
    return f"{found[0]}***" if found and len(found[0]) < len(value) else _all(value)


def bank_card(value: str) -> str:
    """6222 0212 3456 0000 → **** **** **** 0000."""
    found = re.fullmatch(r"[0-9* ]{8,}([0-9]{4})", value)
    return f"**** **** **** {found[1]}" if found else _all(value)


def bank_card_6_4(value: str) -> str:
    """6222 0212 3456 0000 → 622202******0000: which bank, and the end."""
    plain = re.sub(r"[ -]", "", value)
    found = re.fullmatch(r"([0-9]{6})[0-9*]{3,9}([0-9]{4})", plain)
    return f"{found[1]}******{found[2]}" if found else _all(value)


def email(value: str) -> str:
    """abc@x.cn → a**@x.cn: always two stars, so the length is not told."""
    found = re.fullmatch(r"([^@\s*])[^@\s]*(@[^@\s]+\.[^@\s]+)", value)
    return f"{found[1]}**{found[2]}" if found else _all(value)


def plate(value: str) -> str:
    """浙B12345 → 浙B***45."""
    found = re.fullmatch(r"([\u4e00-\u9fff][A-Z])[·•]?([A-Z0-9*]{3,4})([A-Z0-9]{2})", value)
    return f"{found[1]}{STAR * len(found[2])}{found[3]}" if found else _all(value)


def birth_date(value: str | dt.date) -> str:
    """1990-01-01 → 1990."""
    text = value.isoformat() if isinstance(value, dt.date) else value
    found = re.match(r"(\d{4})(?:$|[-/年]|\d{4}$)", text)
    return found[1] if found else _all(text)


def birth_band(value: str | dt.date) -> str:
    """1992-03-01 → 1990–1994: five years."""
    text = value.isoformat() if isinstance(value, dt.date) else value
    if re.fullmatch(r"[0-9]{3}[05]–[0-9]{3}[49]", text):
        return text
    year = birth_date(text)
    if not re.fullmatch(r"[0-9]{4}", year):
        return _all(text)
    first = int(year) // 5 * 5
    return f"{first:04d}–{first + 4:04d}"


def coordinate(value: float) -> float:
    """Three decimals, about 100 m; halves away from zero, of the number as it is written: PostgreSQL rounds it alike."""
    if isinstance(value, float) and not math.isfinite(value):
        return value
    return float(Decimal(repr(value)).quantize(_METRES_100, ROUND_HALF_UP))


def hidden(value: object) -> str:  # noqa: ARG001  # every mask takes the value
    """Nothing at all, not even the length."""
    return "***"


MASKS: dict[str, Callable[[Any], Any]] = {
    "name": name,
    "name_last": name_last,
    "id_number": id_number,
    "id_number_statistical": id_number_statistical,
    "phone": phone,
    "address": address,
    "bank_card": bank_card,
    "bank_card_6_4": bank_card_6_4,
    "email": email,
    "plate": plate,
    "birth_date": birth_date,
    "birth_band": birth_band,
    "coordinate": coordinate,
    "hidden": hidden,
}


def mask(kind: str, value: Any, purpose: str = "") -> Any:
    """Return the value under a mask. None stays None; a value of a type the mask is not for is masked whole.

    kind: `pseudonym:phone` is another phone, always the same one for one purpose, and hidden where there is none.
    """
    if value is None:
        return None
    if kind.startswith("pseudonym:"):
        return _pseudonym(kind.removeprefix("pseudonym:"), value, purpose)
    expected = {"coordinate": (float, int), "birth_date": (str, dt.date), "birth_band": (str, dt.date), "hidden": (object,)}.get(
        kind, (str,)
    )
    return MASKS[kind](value) if isinstance(value, expected) else hidden(value)


def _pseudonym(kind: str, value: Any, purpose: str) -> str:
    try:
        from chengyun.access import pseudonyms  # it reads the keystore, which masks alone do without
    except ImportError:
        return hidden(value)
    return pseudonyms.pseudonym(kind, str(value), purpose) if purpose else hidden(value)


def _all(value: str) -> str:
    return STAR * len(value)
