# SPDX-License-Identifier: Apache-2.0
"""What is kept as one English sentence, since programs and other nodes read it, in Chinese for readers of Chinese pages.

Readings of sources that failed, what could not be told to subscribers, and refusals between nodes. A sentence that is not known
stays as it came.
"""

from __future__ import annotations

import re

from django.utils.translation import get_language

__all__ = ["in_chinese", "said"]

_SENTENCES = tuple(
    (re.compile(pattern, re.DOTALL), chinese)
    for pattern, chinese in (
        # collect.pull.guard
        (r"The address names no host\.", "地址里没有写主机。"),
        (r"The name (?P<host>\S+) is not known to the network: (?P<why>.*)\.", "网络上没有 {host} 这个名称：{why}。"),
        (
            r"(?P<host>\S+) leads to (?P<to>\S+), which is this machine or no network a source may be in\..* add "
            r"(?P<port>\S+) to CHENGYUN_SOURCE_HOSTS\.",
            "{host} 指向 {to}：是本机，或不是数据源可在的网络。确需读取的，请把 {port} 加入 CHENGYUN_SOURCE_HOSTS。",
        ),
        (
            r"(?P<path>.+) is outside the folders sources may read \((?P<folders>.*)\)\. Add it to CHENGYUN_SOURCE_FOLDERS\.",
            "{path} 不在数据源可读的目录（{folders}）之内。确需读取的，请加入 CHENGYUN_SOURCE_FOLDERS。",
        ),
        # collect.pull.getting
        (
            r"(?P<where>\S+) answers (?P<status>\d+): the credentials are not accepted\.",
            "{where} 应答 {status}：凭据不被接受。",
        ),
        (
            r"(?P<where>\S+) answers (?P<status>\d+), expected 200\. Check the address\.",
            "{where} 应答 {status}，应为 200。请核对地址。",
        ),
        (r"(?P<host>\S+) does not answer as asked: (?P<why>.*)\.", "{host} 没有照所问应答：{why}。"),
        (r"(?P<where>\S+) asks to be left alone for (?P<n>\d+) s\.", "{where} 要求 {n} 秒内不再访问。"),
        (
            r"It leads to (?P<where>\S+), which is not declared\. If it is meant, add it to hosts\.",
            "它转到没有声明的 {where}。确需读取的，请把主机加入 hosts。",
        ),
        (r"(?P<host>\S+) redirects more than (?P<n>\d+) times\.", "{host} 转向超过 {n} 次。"),
        (
            r"(?P<where>\S+) is larger than (?P<size>\S+) (?P<unit>MB|bytes)\. Raise largest_mb, or .*",
            "{where} 大于 {size} {unit}。请调高 largest_mb，或分成几份读取。",
        ),
        # collect.pull.folders
        (r"The folder (?P<path>.+) is not there\.", "没有目录 {path}。"),
        (r"(?P<what>\S+) is not there: (?P<why>.*)", "没有 {what}：{why}"),
        (
            r"(?P<what>\S+) may not be read: (?P<why>.*)\. Mend its permissions or the credentials\.",
            "{what} 不许读取：{why}。请修正其权限或凭据。",
        ),
        (r"(?P<what>\S+) cannot be read now: (?P<why>.*)", "{what} 现在不能读取：{why}"),
        (
            r"(?P<what>\S+) shows a key nobody has vouched for\..*",
            "{what} 出示的密钥无人担保。请用 ssh-keyscan 取得其公钥行，核对后写入数据目录的 known_hosts。",
        ),
        # collect.pull.outside
        (r"(?P<who>\S+) answered with more than (?P<size>\d+ \w+)\.", "{who} 的应答超过 {size}。"),
        (r"(?P<who>\S+) packed its answer, which it was asked not to\.", "{who} 压缩了应答，而要求的是不压缩。"),
        (r"(?P<who>\S+) did not end its answer in time\.", "{who} 没有按时应答完。"),
        (r"(?P<who>\S+) broke off: (?P<why>.*)\.", "{who} 中断了应答：{why}。"),
        # collect.pull.changed
        (
            r"(?P<at>.+) has no column (?P<lost>.+)\. It has (?P<found>.*)\. Mend the mapping\.",
            "{at} 没有列 {lost}；有 {found}。请修正对应关系。",
        ),
        (
            r"(?P<at>.+?): (?P<changes>column '.*)\. Nothing of it was taken; decide what it means\.",
            "{at} 的列变了（{changes}），没有读入任何一行；请决定每个变化的含义。",
        ),
        # collect.pull.runs
        (r"Something broke here; it is in the log of jobs\.", "本机出了错，原因见 jobs 的运行日志。"),
        (r"A run of this source is under way\. Wait for its end\.", "这个数据源正在读取，请等它结束。"),
        # share.exchange.following
        (r"(?P<who>\S+) cannot be reached\.", "连不上 {who}。"),
        (r"(?P<who>\S+) answered (?P<status>\d+)\.", "{who} 应答 {status}。"),
        (r"It could not be told; see the log\.", "没有送达，原因见运行日志。"),
        # share.federation.askings, inbox and outbox, of whichever node
        (
            r"There is no dataset '(?P<dataset>.*)' that is shared with other nodes\.",
            "对方没有向其他节点共享的信息资源 {dataset}。",
        ),
        (r"The purpose '(?P<purpose>.*)' is not listed here\..*", "对方没有列出用途 {purpose}。"),
        (r"fields is an object of field → .*\.", "字段的写法不对：每个字段写明文、假名或掩码。"),
        (r"days is a whole number from 1 to 3660\.", "期限应为 1 至 3660 的整数天。"),
        (r"area_code is '(?P<area>.*)', expected at most 15 digits\.", "区域编码 {area} 应为至多十五位数字。"),
        (r"A request is sent anew only after it was returned\.", "申请退回补正之后才能重新提交。"),
        (r"A later step of the same subject took effect already\.", "同一事项的后一步已经生效。"),
        (r"Messages of the kind '(?P<kind>.*)' are not known here; .*", "对方不认识 {kind} 这类消息。"),
        (r"The neighbour did not say what became of it\.", "对方没有说明处理结果。"),
    )
)
"""Pattern of the whole sentence → what it says in Chinese; the most particular first."""

_CHANGES = tuple(
    (re.compile(pattern), chinese)
    for pattern, chinese in (
        (r"column '([^']*)' appeared", r"新出现列 \1"),
        (r"column '([^']*)' is gone and '([^']*)' stands there", r"列 \1 不见了，那里是 \2"),
        (r"column '([^']*)' is gone", r"列 \1 不见了"),
        (r"column '([^']*)' was (\S+) and is ([^;]*)", r"列 \1 原为 \2，现为 \3"),
    )
)
"""Pattern of a source's change as collect.pull.changed says it → in Chinese."""


def in_chinese(sentence: str) -> str:
    """Return what a known English sentence says in Chinese, "" for any other."""
    for pattern, chinese in _SENTENCES:
        if found := pattern.fullmatch(sentence):
            return chinese.format(**{name: _changes(text) for name, text in found.groupdict().items()})
    return ""


def _changes(text: str) -> str:
    """Return a list of a source's changes in Chinese; any other text as it is."""
    if not text.startswith("column '"):
        return text
    for pattern, chinese in _CHANGES:
        text = pattern.sub(chinese, text)
    return text.replace("; ", "；")


def said(sentence: str) -> str:
    """Return a sentence as the page's language has it: in Chinese where it is known, otherwise as it came."""
    return sentence if (get_language() or "").startswith("en") else in_chinese(sentence) or sentence
