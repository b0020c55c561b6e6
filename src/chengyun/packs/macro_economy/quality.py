# SPDX-License-Identifier: Apache-2.0
"""What must be true of official figures, in PostgreSQL's words."""

from __future__ import annotations

from chengyun.city import QualityRule

RULES = (
    QualityRule(
        "series_known", "序列已登记", on="figure", dimension="consistency",
        holds="EXISTS (SELECT FROM macro_economy_series AS it WHERE it.key = series)", meaning="数值所属的统计序列没有登记。",
    ),
    QualityRule(
        "period_as_frequency", "时期与频率一致", on="figure", dimension="conformity",
        holds="(SELECT CASE it.frequency WHEN 'A' THEN length(period) = 4 WHEN 'Q' THEN period ~ 'Q' ELSE period ~ '-' END "
        "FROM macro_economy_series AS it WHERE it.key = series)",
        meaning="时期的写法与序列的频率不一致。",
    ),
    QualityRule(
        "published_after", "公布不早于时期", on="figure", dimension="accuracy",
        holds="extract(year FROM edition) >= left(period, 4)::int", meaning="公布日期早于所说的时期。",
    ),
    QualityRule("has_unit", "序列有单位", on="series", dimension="completeness", holds="unit <> ''",
    meaning="统计序列没有单位。"),
)  # fmt: skip
