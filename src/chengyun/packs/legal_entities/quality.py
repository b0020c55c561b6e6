# SPDX-License-Identifier: Apache-2.0
"""What must be true of legal entities and licences, in PostgreSQL's words."""

from __future__ import annotations

from chengyun.city import QualityRule
from chengyun.standards.identifiers.organisations import USCC_ALPHABET, USCC_WEIGHTS

_FORM = f"uscc ~ '^[{USCC_ALPHABET}]{{2}}[0-9]{{6}}[{USCC_ALPHABET}]{{10}}$'"
_SUM = " + ".join(
    f"{weight} * (strpos('{USCC_ALPHABET}', substr(uscc, {place}, 1)) - 1)" for place, weight in enumerate(USCC_WEIGHTS, 1)
)

RULES = (
    QualityRule(
        "uscc_form", "信用代码格式", on="enterprise", dimension="conformity", holds=f"CASE WHEN uscc <> '' THEN {_FORM} END",
        meaning="统一社会信用代码的格式不符合 GB 32100-2015。",
    ),
    QualityRule(
        "uscc_check", "信用代码校验码", on="enterprise", dimension="accuracy",
        holds=f"CASE WHEN {_FORM} THEN substr('{USCC_ALPHABET}', 1 + (31 - ({_SUM}) % 31) % 31, 1) = right(uscc, 1) END",
        meaning="统一社会信用代码的校验码不对（GB 32100-2015）。",
    ),
    QualityRule(
        "has_representative", "有法定代表人", on="enterprise", dimension="completeness",
        holds="CASE WHEN kind IN ('company', 'association') THEN representative <> '' END",
        meaning="单位没有登记法定代表人。",
    ),
    QualityRule(
        "established_before_today", "成立日期可信", on="enterprise", dimension="accuracy",
        holds="established BETWEEN DATE '1900-01-01' AND CURRENT_DATE", meaning="成立日期在今天之后或早于 1900 年。",
    ),
    QualityRule(
        "holder_known", "持有人已登记", on="licence", dimension="consistency",
        holds="EXISTS (SELECT FROM legal_entities_enterprise AS it WHERE it.key = enterprise)",
        meaning="许可证的持有人没有登记。",
    ),
    QualityRule(
        "holder_stands", "有效许可的持有人存续", on="licence", dimension="consistency",
        holds="CASE WHEN standing = 'issued' AND valid_to IS NULL THEN NOT EXISTS (SELECT FROM legal_entities_enterprise AS it "
        "WHERE it.key = enterprise AND it.standing IN ('cancelled', 'revoked')) END",
        meaning="许可证有效，持有人已注销或吊销。",
    ),
)  # fmt: skip
