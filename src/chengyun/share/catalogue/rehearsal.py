# SPDX-License-Identifier: Apache-2.0
"""A large made-up catalogue, Chinese and English, for measuring and proving the search: seeded, words by Zipf's law."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from chengyun.access.actors import ANONYMOUS, Actor, Post
from chengyun.access.models import Organisation
from chengyun.share.catalogue.listing import place_of, vector
from chengyun.share.catalogue.models import Listing, Resource
from chengyun.share.catalogue.search import search
from chengyun.share.catalogue.sight import listed
from chengyun.share.catalogue.text import Question, fold, question

CHINESE = """
数据 信息 企业 人口 统计 管理 服务 登记 名录 情况 行政 许可 处罚 单位 机构 安全 环境 质量
监测 检查 公共 基本 项目 建设 交通 学校 医疗 养老 社会 保障 就业 住房 土地 规划 水利 农业
渔业 海洋 气象 空气 河道 道路 桥梁 停车 公交 地铁 港口 物流 税务 财政 预算 补贴 低保 残疾
老人 儿童 婚姻 户籍 居住 身份 证照 执照 信用 食品 药品 餐饮 消防 应急 避险 防汛 台风 地震
地质 矿产 森林 公园 绿化 垃圾 污水 供水 供电 燃气 热力 能源 碳排 电梯 特种 设备 计量 标准
专利 商标 科技 人才 培训 教师 学生 考试 图书 文化 文物 旅游 景区 酒店 体育 场馆 新闻 广播
网络 通信 基站 档案 法律 援助 仲裁 公证 律师 案件 投诉 举报 信访 热线 社区 街道 网格
"""
ENGLISH = """
data city public service record station quality air water traffic road school hospital permit licence business
inspection waste energy street park tree bus stop route parking meter crime fire budget contract salary election
district census population housing building address parcel zoning flood storm river harbour port airport
bike counter noise food safety restaurant childcare library museum payroll procurement grant vaccine disease
birth death injury asset bridge
"""
SYLLABLES = "ba be bo da de do fa fe ga go ka ke ki la le lo ma mi mo na ne no pa pe po ra ri ro sa se so ta te to va ve"
COPY_RESOURCES = """
COPY catalogue_resource (id, key, kind, name, name_en, summary, keywords, class_code, provider_id, provider_name, area_code,
  formats, sharing, condition, ways, basis, open, open_condition, cycle, related, secret, personal, contact, state, version,
  edited, url, distributions, origin, made_at, changed_at, withdrawn_because) FROM STDIN
"""
COPY_LISTINGS = """
COPY catalogue_listing (resource_id, folded, tokens, place, kind, provider, area_code, class_code, sharing, cycle, open,
  audience, state) FROM STDIN
"""
TABLES = ("catalogue_resource", "catalogue_listing")
INDEXES = """
SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index i
WHERE i.indrelid = ANY(%s::regclass[]) AND NOT i.indisunique ORDER BY 1
"""
Row = tuple[str, str, str, str, list[str], tuple[int, str, str], str, bool, str, str, str, str]
"""key, name, English name, summary, keywords, provider, state, secret, kind, sharing, cycle and class."""
KINDS = ("external", "external", "external", "entity", "stream", "indicator", "form", "case_type")


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds of each question, and how many of them were answered with other resources than a plain reading says."""

    seconds: list[float]
    slowest: str
    wrong: int


def build(number: int, seed: int = 5) -> None:
    """Put so many resources into the catalogue, beside those that are there."""
    made = invented(number, seed)
    with transaction.atomic(), connection.cursor() as cursor:
        start = (Resource.objects.order_by("-pk").values_list("pk", flat=True).first() or 0) + 1
        # Every row is right by its making: neither references nor triggers have to look at each, and an index over all of them
        # at the end takes a tenth of what half a million additions to it take.
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("SET LOCAL maintenance_work_mem = '512MB'")
        cursor.execute(INDEXES, [list(TABLES)])
        indexes = cursor.fetchall()
        for name, _ in indexes:
            cursor.execute(f"DROP INDEX {name}")
        while batch := list(itertools.islice(made, 20_000)):
            _copy(cursor, start, batch)
            start += len(batch)
        for _, definition in indexes:
            cursor.execute(definition)
        cursor.execute("SELECT setval(pg_get_serial_sequence('catalogue_resource', 'id'), %s)", [start])
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"VACUUM ANALYZE {table}")


def invented(number: int, seed: int) -> Iterator[Row]:
    """Yield made-up resources of the organisations that are there."""
    bodies = list(Organisation.objects.order_by("pk").values_list("pk", "name", "area_code"))
    return _made(number, seed, random.Random(seed), *_vocabulary(), bodies)  # noqa: S311  made-up, not secret


def measure(questions: int, seed: int = 6, checked: int = 40) -> Measured:
    """Ask so many questions as three kinds of people, once to warm up and once timed; compare some with a plain reading."""
    chance = random.Random(seed)  # noqa: S311  made-up, not secret
    zh, en = _vocabulary()
    people = _people()
    asked = [(people[at % len(people)], _question(chance, zh, en)) for at in range(questions)]
    for actor, text in asked[: questions // 4]:
        search(actor, text)
    took = []
    for actor, text in asked:
        begun = time.perf_counter()
        search(actor, text)
        took.append((time.perf_counter() - begun, text))
    expected = plainly(asked[:checked])
    wrong = sum(
        [hit.key for hit in search(actor, text).hits] != right for (actor, text), right in zip(asked, expected, strict=False)
    )
    return Measured([one for one, _text in took], max(took)[1], wrong)


def plain(actor: Actor, text: str, limit: int = 20) -> list[str]:
    """Return the keys search() must return, by reading every listing the actor may know of and ranking it here."""
    return plainly([(actor, text)], limit)[0]


def plainly(asked: Sequence[tuple[Actor, str]], limit: int = 20) -> list[list[str]]:
    """Return the keys of each question, by reading all listings once and ranking them here for all questions."""
    known = {id(actor): set(_known(actor)) for actor, _text in asked}
    questions = [(known[id(actor)], question(text)) for actor, text in asked]
    ranked: list[list[tuple[int, int, int, str]]] = [[] for _ in asked]
    # Most listings are put aside by one look at one term.
    terms = [(at, seen, one, one.loose[0] if one.loose else None) for at, (seen, one) in enumerate(questions)]
    rows = Listing.objects.exclude(state="withdrawn").order_by("pk").extra(select={"words": "tsvector_to_array(tokens)"})
    for pk, folded, held, place, key in rows.values_list("pk", "folded", "words", "place", "resource__key").iterator(
        chunk_size=5_000
    ):
        words = set(held)
        for at, seen, one, first in terms:
            if (first is not None and first not in words and folded != one.folded) or pk not in seen:
                continue
            tier = next((at for at, fits in enumerate(_fits(one.folded, one.exact, one.loose, folded, words)) if fits), None)
            if tier is not None:
                ranked[at].append((tier, place, pk, key))
    _begun(questions, ranked)
    return [[key for _tier, _place, _pk, key in sorted(one)[:limit]] for one in ranked]


def _begun(questions: Sequence[tuple[set[int], Question]], ranked: Sequence[list[tuple[int, int, int, str]]]) -> None:
    """Rank what the last word only begins, for the questions that nothing was found for."""
    empty = [(at, seen, one) for at, (seen, one) in enumerate(questions) if not ranked[at] and one.prefix is not None]
    if not empty:
        return
    rows = Listing.objects.exclude(state="withdrawn").order_by("pk").extra(select={"words": "tsvector_to_array(tokens)"})
    for pk, held, place, key in rows.values_list("pk", "words", "place", "resource__key").iterator(chunk_size=5_000):
        words = set(held)
        for at, seen, one in empty:
            whole = all(term in words for term in one.exact[:-1])
            if pk in seen and whole and any(word.startswith(str(one.prefix)) for word in words):
                ranked[at].append((5, place, pk, key))


def _known(actor: Actor) -> Iterator[int]:
    return Listing.objects.filter(listed(actor)).values_list("pk", flat=True).iterator(chunk_size=20_000)


def _fits(asked: str, exact: Sequence[str], loose: Sequence[str], folded: str, words: set[str]) -> Iterator[bool]:
    yield folded == asked or not exact
    yield all(f"={term}" in words for term in exact)
    yield all(term in words for term in exact)
    yield all(f"={term}" in words for term in loose)
    yield all(term in words for term in loose)


def _vocabulary() -> tuple[list[str], list[str]]:
    chance = random.Random(5)  # noqa: S311  made-up, not secret
    zh, en, syllables = CHINESE.split(), ENGLISH.split(), SYLLABLES.split()
    zh += ["".join(pair) for pair in itertools.islice(itertools.permutations(zh, 2), 0, 20_000, 7)]
    en += ["".join(chance.choice(syllables) for _ in range(chance.randint(2, 4))) for _ in range(3_000)]
    return zh, en


def _pick(chance: random.Random, words: Sequence[str]) -> str:
    """Return a word by Zipf's law, as near as a power of a uniform number comes."""
    return words[int(len(words) ** chance.random()) - 1]


def _made(
    number: int, seed: int, chance: random.Random, zh: Sequence[str], en: Sequence[str], bodies: Sequence[tuple[int, str, str]]
) -> Iterator[Row]:
    for at in range(number):
        body = chance.choice(bodies)
        year = f"{chance.randint(2009, 2026)}年" if chance.random() < 0.4 else ""
        name = "".join(_pick(chance, zh) for _ in range(chance.randint(2, 4))) + year
        name_en = " ".join(_pick(chance, en) for _ in range(chance.randint(2, 5)))
        if chance.random() < 0.25:
            name, name_en = name_en.capitalize(), ""
        summary = "，".join("".join(_pick(chance, zh) for _ in range(3)) for _ in range(2)) + "。"
        keywords = [_pick(chance, zh) + _pick(chance, zh) if chance.random() < 0.8 else _pick(chance, en) for _ in range(8)]
        state = "draft" if chance.random() < 0.02 else "published"
        kind = chance.choice(KINDS)
        sharing = chance.choice(("unconditional", "conditional", "conditional", "none"))
        cycle = chance.choice(("realtime", "day", "week", "month", "quarter", "year", "irregular"))
        top = f"{chance.choice('123')}{chance.randint(1, 12):02d}"
        yield (
            f"bench{seed}.r{at:07d}",
            name,
            name_en,
            summary,
            keywords,
            body,
            state,
            chance.random() < 0.01,
            kind,
            sharing,
            cycle,
            top,
        )


def _copy(cursor: Any, start: int, batch: list[Row]) -> None:
    """Copy rows as text: what is made up has no tabs, backslashes or ends of lines in it.

    Listings are those that `write_listings` makes of the resources; a test holds the two together.
    """
    resources, listings = [], []
    for at, (key, name, name_en, summary, keywords, body, state, secret, kind, sharing, cycle, top) in enumerate(batch, start):
        hidden, (provider, title, area) = "t" if secret else "f", body
        words = vector((name, name_en), (summary, title, key, *keywords))
        audience = 2 if secret else 0 if state == "published" else 1
        resources.append(
            f"{at}\t{key}\t{kind}\t{name}\t{name_en}\t{summary}\t{{{','.join(keywords)}}}\t{top}\t{provider}\t{title}\t{area}"
            f"\t{{}}\t{sharing}\t\t{{}}\t\tf\t\t{cycle}\t{{}}\t{hidden}\tf\t\t{state}\t1\t{{}}\t\t[]\t\t2026-01-01\t2026-01-01\t\n"
        )
        place = place_of(key, kind, name, state)
        listings.append(
            f"{at}\t{fold(name)}\t{words}\t{place}\t{kind}\t{provider}\t{area}\t{top}\t{sharing}"
            f"\t{cycle}\tf\t{audience}\t{state}\n"
        )
    for statement, lines in ((COPY_RESOURCES, resources), (COPY_LISTINGS, listings)):
        with cursor.copy(statement) as copy:
            copy.write("".join(lines))


def _people() -> list[Actor]:
    body = Organisation.objects.order_by("pk").last()
    assert body is not None
    clerk = Actor(1, "经办人", body.key, frozenset({"department_clerk"}), ("",), (Post("department_clerk", body.key, ""),))
    reviewer = Actor(2, "审核人", body.key, frozenset({"data_steward"}), ("3302",), (Post("data_steward", body.key, "3302"),))
    return [ANONYMOUS, clerk, reviewer]


def _question(chance: random.Random, zh: Sequence[str], en: Sequence[str]) -> str:
    kind = chance.random()
    if kind < 0.05:
        return chance.choice(("", "不存在的词语组合", "zzzzunknown", "x", "水"))
    if kind < 0.35:
        return _pick(chance, zh)
    if kind < 0.6:
        return _pick(chance, zh) + _pick(chance, zh)
    if kind < 0.7:
        return f"{_pick(chance, zh)} {_pick(chance, zh)} {_pick(chance, zh)}"
    if kind < 0.85:
        return _pick(chance, en)
    return " ".join(_pick(chance, en) for _ in range(chance.randint(2, 3)))
