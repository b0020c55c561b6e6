# SPDX-License-Identifier: Apache-2.0
"""Numbers as people here write them: full-width digits, 万 and 亿, percentages, thousands, numerals, and a unit behind.

    １２３４      full-width          1,234.5     thousands            3.2万  1亿2000万    counting units
    一百二十三     numerals            壹佰贰拾叁   as on cheques        二〇一六              digits one by one
    12.5%         12.5 and "%"        35 mg/m³    35 and "mg/m³"       <0.05               a bound, not a value

Nothing is guessed: what can be read two ways is refused with a sentence that says what was expected.
Standard: GB/T 15835-2011 (numerals in publications); 〇 is written as in its 4.2.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal

__all__ = ["Amount", "half_width", "read_amount", "read_numeral"]

_DIGITS = {
    **dict(zip("〇零一二三四五六七八九", (0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9), strict=True)),
    **dict(zip("壹贰叁肆伍陆柒捌玖", range(1, 10), strict=True)),
    **dict(zip("貳參陸", (2, 3, 6), strict=True)),
    "○": 0, "两": 2, "兩": 2, "幺": 1,
}  # fmt: skip
_TENS = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000}
_MYRIADS = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}
_SHORT = {"廿": "二十", "卅": "三十"}
_NUMERAL = frozenset([*_DIGITS, *_TENS, *_MYRIADS, *_SHORT, "点", "负"])

_PLAIN = re.compile(r"(?P<sign>[+-]?)(?P<number>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d*)?(?:[eE][+-]?\d{1,2})?|\.\d+)")
_COUNTED = re.compile(r"\s*(?P<of>[十百千]?[万亿]|[百千])(?![一-鿿]*克)")
_BOUND = re.compile(r"\s*(?P<mark><=|>=|<|>|≤|≥|＜|＞|小于|低于|大于|高于|未检出|ND\b)\s*", re.IGNORECASE)
_MARKS = {"≤": "<=", "≥": ">=", "小于": "<", "低于": "<", "大于": ">", "高于": ">"}
_UNIT = re.compile(r"[^\d\s.,+\-<>=][^\s,+<>=]{0,19}(?: [^\d\s,+<>=]{1,10})?")
_MOST_DIGITS = 30
_DASHES = str.maketrans("−﹣–", "---")


@dataclass(frozen=True, slots=True)
class Amount:
    """A number somebody wrote. value: None only with mark "ND". unit: as written behind it; "" when there is none.

    mark: "" for a plain value; "<", "<=", ">" or ">=" when the number is a bound; "ND": not detected, without a number.
    """

    value: Decimal | None
    unit: str = ""
    mark: str = ""


def half_width(text: str) -> str:
    """Return the text with full-width letters, digits and signs made half-width, its ends bare of any white space."""
    if text.isascii():
        return text.strip()
    # NFKC would turn ³ into 3 and ㎡ into m2, which makes other numbers of them.
    wide = "".join(unicodedata.normalize("NFKC", it) if "\uff01" <= it <= "\uff5e" or it == "\u3000" else it for it in text)
    return wide.translate(_DASHES).strip()


def read_amount(text: str) -> Amount:
    """Return what was written. Raises ValueError with a sentence."""
    bare = half_width(text)
    mark = ""
    if found := _BOUND.match(bare):
        mark = _MARKS.get(found["mark"], found["mark"])
        bare = bare[found.end() :]
        if mark in ("未检出", "ND", "nd", "Nd"):
            if bare:
                raise ValueError(f"{text[:40]!r} says that nothing was detected and goes on")
            return Amount(None, mark="ND")
    value, rest = _leading(bare, text)
    unit = rest.strip()
    if unit and not _UNIT.fullmatch(unit):
        raise ValueError(f"{text[:40]!r} is not one number")
    return Amount(value, unit, mark)


def _leading(bare: str, text: str) -> tuple[Decimal, str]:
    plain = _PLAIN.match(bare)
    if plain is None:
        end = next((index for index, it in enumerate(bare) if it not in _NUMERAL), len(bare))
        if end == 0:
            raise ValueError(f"{text[:40]!r} is not a number")
        return Decimal(read_numeral(bare[:end])), bare[end:]
    digits = plain["number"].replace(",", "")
    if len(digits) > _MOST_DIGITS:
        raise ValueError(f"{text[:20]!r}… has more than {_MOST_DIGITS} digits")
    value = Decimal(digits)
    rest = bare[plain.end() :]
    # 1亿2000万: each part counts by its own unit, and the units fall.
    last = 10**13
    total = Decimal(0)
    while counted := _COUNTED.match(rest):
        of = _of(counted["of"])
        if of >= last:
            raise ValueError(f"{text[:40]!r} is not one number: {counted['of']} after a smaller unit")
        total, last, rest = total + value * of, of, rest[counted.end() :]
        more = re.match(r"\d+(?:\.\d+)?", rest)
        value = Decimal(more[0]) if more else Decimal(0)
        rest = rest[more.end() :] if more else rest
        if not more:
            break
    total += value
    return (-total if plain["sign"] == "-" else total), rest


def _of(word: str) -> int:
    product = 1
    for it in word:
        product *= _TENS.get(it) or _MYRIADS[it]
    return product


def read_numeral(text: str) -> Decimal:
    """Return the number that Chinese numerals write: 一千零二十, 二〇一六, 三点五, 负二, 一万二. Raises ValueError."""
    bare = "".join(_SHORT.get(it, it) for it in text.strip())
    sign = -1 if bare.startswith("负") else 1
    whole, point, part = bare.removeprefix("负").partition("点")
    if not whole or (point and not part):
        raise ValueError(f"{text[:40]!r} is not a numeral")
    if bad := [it for it in whole + part if it not in _NUMERAL]:
        raise ValueError(f"{text[:40]!r} is not a numeral: {bad[0]!r} is no part of one")
    value = Decimal(_whole(whole, text))
    if point:
        value += Decimal("0." + "".join(str(_digit(it, text)) for it in part))
    return sign * value


def _whole(numeral: str, text: str) -> int:
    if all(it in _DIGITS for it in numeral):
        if len(numeral) > _MOST_DIGITS:
            raise ValueError(f"{text[:20]!r}… has more than {_MOST_DIGITS} digits")
        return int("".join(str(_DIGITS[it]) for it in numeral))
    total = section = digit = 0
    last = 0
    zero = False
    for it in numeral:
        if it in _DIGITS:
            if digit:
                raise ValueError(f"{text[:40]!r} is not a numeral: two digits stand side by side")
            digit = _DIGITS[it]
            zero = zero or digit == 0
        elif it in _TENS:
            section += (digit or 1) * _TENS[it]
            digit, last, zero = 0, _TENS[it], False
        else:
            by = _MYRIADS[it]
            total = (total + section + digit) * by if by > total > 0 else total + (section + digit) * by
            section, digit, last, zero = 0, 0, by, False
    # 一万二 is 12 000 and 三百五 is 350, but 一万零二 is 10 002.
    tail = digit * (last // 10) if digit and last > 10 and not zero else digit
    return total + section + tail


def _digit(it: str, text: str) -> int:
    if it not in _DIGITS:
        raise ValueError(f"{text[:40]!r} is not a numeral: {it!r} behind the point")
    return _DIGITS[it]
