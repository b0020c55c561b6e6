# SPDX-License-Identifier: Apache-2.0
"""What must be true of people and households, in PostgreSQL's words."""

from __future__ import annotations

from chengyun.city import QualityRule

WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
"""Standard: GB 11643-1999, 4.2."""
_SUM = " + ".join(f"{weight} * substr(id_number, {place}, 1)::int" for place, weight in enumerate(WEIGHTS, 1))
_NUMBER = "id_number ~ '^[0-9]{17}[0-9X]$'"

RULES = (
    QualityRule(
        "id_number_form", "身份号码格式", on="person", dimension="conformity",
        holds=f"CASE WHEN id_number <> '' THEN {_NUMBER} END",
        meaning="公民身份号码不是 17 位数字加校验码。",
    ),
    QualityRule(
        "id_number_check", "身份号码校验码", on="person", dimension="accuracy",
        holds=f"CASE WHEN {_NUMBER} THEN right(id_number, 1) = substr('10X98765432', 1 + ({_SUM}) % 11, 1) END",
        meaning="公民身份号码的校验码不对（GB 11643-1999）。",
    ),
    QualityRule(
        "born_as_numbered", "出生日期与身份号码一致", on="person", dimension="consistency",
        holds=f"CASE WHEN {_NUMBER} AND birth_date IS NOT NULL "
        "THEN substr(id_number, 7, 8) = to_char(birth_date, 'YYYYMMDD') END",
        meaning="出生日期与公民身份号码第 7 至 14 位不一致。",
    ),
    QualityRule(
        "sex_as_numbered", "性别与身份号码一致", on="person", dimension="consistency",
        holds=f"CASE WHEN {_NUMBER} AND sex IN ('1', '2') THEN (substr(id_number, 17, 1)::int % 2 = 1) = (sex = '1') END",
        meaning="性别与公民身份号码第 17 位不一致。",
    ),
    QualityRule(
        "numbered_once", "身份号码不重复", on="person", dimension="accuracy",
        holds="CASE WHEN id_number <> '' THEN NOT EXISTS (SELECT FROM population_person AS other "
        "WHERE other.id_number = population_person.id_number AND other.id <> population_person.id "
        "AND other.valid_to IS NULL) END",
        meaning="两个人员编码有同一个公民身份号码，可能是同一人。",
    ),
    QualityRule(
        "household_known", "户已登记", on="person", dimension="consistency",
        holds="CASE WHEN household <> '' THEN EXISTS (SELECT FROM population_household AS it WHERE it.key = household) END",
        meaning="人员所在的户没有登记。",
    ),
    QualityRule(
        "household_has_head", "户有户主", on="household", dimension="completeness", holds="head <> ''",
        meaning="户没有登记户主。",
    ),
)  # fmt: skip
