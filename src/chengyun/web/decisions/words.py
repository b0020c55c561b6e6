# SPDX-License-Identifier: Apache-2.0
"""Verdicts in words: what was found, what it rests on, why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

__all__ = ["ASSUMES", "REASONS", "SIZES", "STATES", "TONES", "verdict"]

Words = Mapping[str, str | Promise]
STATES: Words = {
    "as_expected": gettext_lazy("见效，方向与预期一致"), "opposite": gettext_lazy("有变化，方向与预期相反"),
    "not_shown": gettext_lazy("没有显示出效果"), "refused": gettext_lazy("数据不足以下结论"),
}  # fmt: skip
TONES = {"as_expected": "fresh", "opposite": "bad", "not_shown": "partial", "refused": "missing"}
SIZES: Words = {
    "reached": gettext_lazy("整个区间都达到预期幅度。"), "within": gettext_lazy("预期幅度在区间之内，是否达到尚不能定。"),
    "short": gettext_lazy("整个区间都没有达到预期幅度。"),
}  # fmt: skip
REASONS: Words = {
    "no_treated": gettext_lazy("实施区域没有足够的数据。"),
    "few_others": gettext_lazy("对照区域太少：双重差分至少 3 个，合成控制至少 9 个。"),
    "short_before": gettext_lazy("实施前的时段太少：双重差分至少 6 个，合成控制至少 12 个。"),
    "short_after": gettext_lazy("实施后的时段不足 2 个。"),
    "not_parallel": gettext_lazy("实施之前两组的趋势就不平行，差别不能归于这项决策。"),
    "early_effect": gettext_lazy("在实施之前假设一个决策，也能“看出”效果，说明两组本来就在分开。"),
    "few_areas": gettext_lazy("区域太少：即使效果再大，偶然出现同样结果的机会也不会低于 5%。"),
    "bad_fit": gettext_lazy("实施之前，任何对照区域的组合都不像实施区域。"),
    "unbounded": gettext_lazy("区域太少，效果的区间没有尽头。"),
    "no_variation": gettext_lazy("区域之间没有差别可比，数据像是同一个数复制的。"),
}
ASSUMES: Words = {
    "parallel": gettext_lazy("没有这项决策，两组会同样变化（检验没有发现不平行，不等于证明平行）。"),
    "mixture": gettext_lazy("没有这项决策，实施区域会继续像对照区域的这个组合。"),
    "no_spillover": gettext_lazy("决策没有影响到对照区域，例如没有把问题挤到邻区。"),
    "no_other_change": gettext_lazy("同一时间没有别的变化只落在实施区域。"),
    "alike": gettext_lazy("决策之前，任何一个区域都有可能成为实施区域；区域是因为指标反常才选中的，结论会偏。"),
    "independent": gettext_lazy("除共同的起伏外，各区域的偶然波动互不相干。"),
}


def verdict(result: Mapping[str, Any], unit: str) -> str:
    """Return what was found as one sentence; for a refusal, what could be computed all the same, "" when nothing could."""
    if result.get("value") is None:
        return ""
    low, high = ("…" if result[end] is None else f"{result[end]:+.3g}" for end in ("low", "high"))
    words = {
        "value": f"{result['value']:+.3g}", "low": low, "high": high,
        "unit": "" if unit == "1" else f" {unit}", "level": round(100 * result["level"]), "p": f"{result['p']:.2g}",
    }  # fmt: skip
    found = _("实施区域比对照多变化 %(value)s%(unit)s，%(level)s%% 区间 %(low)s 至 %(high)s。") % words
    return found + _("随意指定实施区域，也有 %(p)s 的机会看到这么大的差别。") % words
