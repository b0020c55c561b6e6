# SPDX-License-Identifier: Apache-2.0
"""Names for people who do not exist: common surnames by frequency, and characters of given names with their homophones.

For what is simulated and for measurements. The weights of surnames are per mille, rounded, of the 2020 census's commonest; how
given names are put together is this program's own.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping

__all__ = ["GIVEN", "HOMOPHONES", "SURNAMES", "invent"]

SURNAMES: Mapping[str, int] = {
    name: weight
    for weight, names in {
        72: "王 李", 66: "张 刘", 54: "陈", 45: "杨 黄", 36: "赵 吴 周", 24: "徐 孙 马 朱 胡", 17: "郭 何 林 高 罗",
        13: "郑 梁 谢 宋 唐 许 邓 冯 韩 曹", 10: "曾 彭 萧 蔡 潘 田 董 袁 于 余 叶 蒋 杜 苏 魏 程 吕 丁 沈 任 姚 卢 傅 钟 姜 崔",
        7: "谭 廖 范 汪 陆 金 石 戴 贾 韦 夏 邱 方 侯 邹 熊 孟 秦 白 江 阎 薛 尹 段 雷 黎 史 龙 陶 贺 顾 毛 郝 龚 邵 万 钱 严 赖",
        3: "洪 武 莫 孔 汤 向 常 温 康 施 文 牛 樊 葛 邢 安 齐 易 乔 伍 庞 颜 倪 庄 聂 章 鲁 岳 翟 殷 詹 申 欧 耿 关 兰 焦 俞",
        1: "欧阳 上官 司马 诸葛 慕容 尉迟",
    }.items()
    for name in names.split()
}  # fmt: skip
"""Surname → weight."""

GIVEN = (
    "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰红建国志文斌波辉鹏飞宇浩然子轩梓涵欣怡诗雨思佳琪婷雪梅琳晶莹倩颖慧"
    "俊凯瑞嘉博晨阳旭东海峰林森生永福德义仁忠信成康宁安乐春夏秋冬月云雷天龙虎凤凰金银珠宝玲珑丹青蓝紫翠碧清澈润泽江河湖山岩石"
    "松柏竹菊荷莲薇蓉蕾菲菁萍苹莉俐玮炜君钧洁捷滔铭婧敬彤桐彬滨鸿宏弘洪立力丽利振震镇兴星行新欣心昕"
)
"""Characters of given names."""

_ALIKE = """
伟玮炜 丽莉俐利力立 静婧敬 军君钧俊 杰洁捷 涛滔 明铭 平萍苹 刚钢 英莹 颖影 华桦 红鸿宏弘洪
彬斌滨 彤桐 新欣心昕 兴星行 振震镇 文雯 佳嘉 怡宜 琳林霖 晶菁 浩昊 宇雨玉羽 志智
建健 峰锋丰 成诚程 春椿 云芸 燕艳 梅玫 娟涓 东冬 阳洋杨扬 晨辰 子紫 月悦 凡帆 青清卿
"""
HOMOPHONES: tuple[str, ...] = tuple(_ALIKE.split())
"""Characters that sound alike but for their tone."""


def invent(chance: random.Random, given: Iterable[str] = GIVEN) -> str:
    """Return a name: a surname by its frequency, and one or, four times in five, two characters."""
    characters = tuple(given)
    surname = chance.choices(_NAMES, cum_weights=_WEIGHTS)[0]
    return surname + "".join(chance.choice(characters) for _ in range(1 if chance.random() < 0.2 else 2))


_NAMES = tuple(SURNAMES)
_WEIGHTS = tuple(sum(list(SURNAMES.values())[: at + 1]) for at in range(len(SURNAMES)))
