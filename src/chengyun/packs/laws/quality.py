# SPDX-License-Identifier: Apache-2.0
"""What must be true of laws and articles, in PostgreSQL's words."""

from __future__ import annotations

from chengyun.city import QualityRule

RULES = (
    QualityRule(
        "replacement_in_time", "替代者接续生效", on="law", dimension="consistency",
        holds="CASE WHEN replaced_by <> '' AND valid_to IS NOT NULL THEN EXISTS (SELECT FROM laws_law AS it "
        "WHERE it.number = laws_law.replaced_by AND it.valid_from = laws_law.valid_to) END",
        meaning="被替代的版本失效之日，替代它的版本没有生效。",
    ),
    QualityRule("dated", "有施行日期", on="law", dimension="completeness", holds="valid_from IS NOT NULL",
    meaning="没有施行日期。"),
    QualityRule("checked", "已核实", on="law", dimension="accuracy", holds="verified", meaning="文号与日期尚未核实。"),
    QualityRule(
        "article_of_law", "条款所属法规已登记", on="article", dimension="consistency",
        holds="EXISTS (SELECT FROM laws_law AS it WHERE it.key = law)", meaning="条款所属的法律法规没有登记。",
    ),
)  # fmt: skip
