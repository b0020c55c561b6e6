# SPDX-License-Identifier: Apache-2.0
"""What a look at an identifier finds: its plain form and what it says of itself, or the one thing that is wrong and where."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Language = Literal["zh", "en"]

_SAID: dict[str, tuple[str, str]] = {
    "empty": ("{zh}为空，应为{expected_zh}。", "The {en} is empty, expected {expected}."),
    "length": ("{zh}有 {found} 位，应为 {expected_zh}。", "The {en} has {found} characters, expected {expected}."),
    "character": (
        "{zh}第 {at} 位{shown_zh}，应为{expected_zh}。", "Character {at} of the {en}{shown}, expected {expected}."
    ),
    "check": (
        "{zh}的校验位（第 {at} 位）与前面各位不符{should_zh}；请核对是否录错。",
        "The check character of the {en} (number {at}) does not fit the others{should}; look for a typing mistake.",
    ),
    "date": ("{zh}第 {at} 位起的出生日期{expected_zh}。", "The birth date in the {en}, from character {at}, {expected}."),
    "shape": ("{zh}的格式不对，应为{expected_zh}。", "The {en} has not the right shape, expected {expected}."),
    "region": ("{zh}的区划代码（第 {at} 位起）未见于记录。", "The division in the {en}, from character {at}, is on no record."),
    "class": ("{zh}的登记部门与机构类别（第 {at} 位起）未见于标准。", "The {en} names an authority and class of no standard."),
    "zone": ("{zh}属于自定义区（PDY00001–PDY99999），不得用于交换。", "The {en} is in the self-defined zone: not for exchange."),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of identifier. personal: its faults are told without a character of it. source: its standard."""

    key: str
    zh: str
    en: str
    source: str
    personal: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """The first thing wrong. at: the character's number, from 1; 0: the whole. expected: in words, Chinese and English.

    found: what stands there; never told of a person's identifier. should: the check character that would fit.
    """

    kind: Kind
    code: str
    at: int = 0
    expected: tuple[str, str] = ("", "")
    found: str = ""
    should: str = ""

    def sentence(self, language: Language = "en") -> str:
        """Return what is wrong, where, and what was expected. Of a person's identifier nothing is repeated but its length."""
        zh, en = _SAID[self.code]
        shown = self.found if not self.kind.personal else ""
        should = self.should if not self.kind.personal else ""
        return (zh if language == "zh" else en).format(
            zh=self.kind.zh,
            en=self.kind.en,
            at=self.at,
            found=self.found,
            expected_zh=self.expected[0],
            expected=self.expected[1],
            shown_zh=f"是“{shown}”" if shown else "不对",
            shown=f" is {shown!r}" if shown else " is wrong",
            should_zh=f"，应为“{should}”" if should else "",
            should=f": {should!r} would" if should else "",
        )

    def __str__(self) -> str:
        return self.sentence()


@dataclass(frozen=True, slots=True)
class Identifier:
    """A valid identifier. text: as it is stored. form: which of the kind's forms, e.g. "mobile".

    parts: what it says of itself. warnings: what is odd about it and no reason to refuse it.
    """

    kind: Kind
    text: str
    form: str = ""
    parts: dict[str, str] = field(default_factory=dict)
    warnings: tuple[Fault, ...] = ()


Result = Identifier | Fault


def wrong_length(kind: Kind, text: str, zh: str, en: str) -> Fault:
    """Return the fault of a text that is too short, too long or not there."""
    return Fault(kind, "length" if text else "empty", 0, (zh, en), str(len(text)))


def wrong_character(
    kind: Kind, text: str, allowed: str, zh: str, en: str, start: int = 0, stop: int | None = None
) -> Fault | None:
    """Return the fault of the first character between two places that is not among the allowed ones."""
    for at, char in enumerate(text[start:stop], start + 1):
        if char not in allowed:
            return Fault(kind, "character", at, (zh, en), char)
    return None
