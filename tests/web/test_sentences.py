# SPDX-License-Identifier: Apache-2.0
"""Sentences that are kept in English are read in Chinese: those the program really writes, so that a change of one is noticed."""

from __future__ import annotations

import datetime as dt
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.utils import translation

from chengyun.collect.pull import changed, outside
from chengyun.collect.pull.getting import Getter
from chengyun.collect.pull.guard import Guard
from chengyun.collect.pull.spec import HttpRead
from chengyun.errors import Problem
from chengyun.share.federation import askings
from chengyun.web import sentences

NOW = dt.datetime(2026, 3, 1, 4, 0, tzinfo=dt.UTC)
ASKED = {"dataset": "air_quality.station", "purpose": "statistics", "fields": {"name": "clear"}}


def _unknown_name(*_asked: object, **_rest: object) -> Any:
    raise socket.gaierror(-2, "Name or service not known")


def _asked(**changed: object) -> None:
    askings.requested(None, "x", 1, {**ASKED, **changed})  # type: ignore[arg-type]  # refused before anybody is looked up


def _fetched(status: int, headers: dict[str, str] | None = None, body: bytes = b"x") -> None:
    guard = Guard(local=("localhost",))
    service = Getter("http://localhost/a", HttpRead(largest_mb=0.00001, per_second=1e6), guard, NOW, wait=lambda _seconds: None)
    answers = httpx.MockTransport(lambda _request: httpx.Response(status, headers=headers or {}, content=body))
    service._client = httpx.Client(transport=answers)
    service.get("http://localhost/a")


@pytest.mark.parametrize(
    ("do", "says"),
    [
        (lambda: Guard().address("", 80), "地址里没有写主机"),
        (lambda: Guard().address("localhost", 80), "localhost 指向 .*请把 localhost:80 加入 CHENGYUN_SOURCE_HOSTS"),
        (lambda: Guard(folders=[Path("/srv")]).folder(Path("/etc")), "/etc 不在数据源可读的目录（/srv）之内"),
        (lambda: _fetched(401), "http://localhost/a 应答 401：凭据不被接受"),
        (lambda: _fetched(404), "应答 404，应为 200"),
        (lambda: _fetched(500), "localhost 没有照所问应答"),
        (lambda: _fetched(503, {"retry-after": "9999"}), "要求 9999 秒内不再访问"),
        (lambda: _fetched(302, {"location": "http://elsewhere.example/"}), "它转到没有声明的 http://elsewhere.example"),
        (lambda: _fetched(302, {"location": "/a"}), "localhost 转向超过"),
        (lambda: _fetched(200, body=b"x" * 1000), "大于 1e-05 MB"),
        (lambda: _asked(dataset="none.such"), "没有向其他节点共享的信息资源 none.such"),
        (lambda: _asked(purpose="fun"), "对方没有列出用途 fun"),
        (lambda: _asked(fields=[]), "字段的写法不对"),
        (lambda: _asked(days=0), "1 至 3660"),
        (lambda: _asked(area_code="x"), "区域编码 x"),
    ],
)  # fmt: skip
def test_what_the_program_writes_is_said_in_chinese(do: Callable[[], object], says: str) -> None:
    with pytest.raises(Problem) as refused:
        do()
    written = refused.value.sentence
    assert written.isascii() or "→" in written
    with translation.override("zh-hans"):
        assert re.search(says, sentences.said(written))
    with translation.override("en"):
        assert sentences.said(written) == written


def test_a_name_nobody_knows_is_said_in_chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", _unknown_name)
    with pytest.raises(Problem) as refused:
        Guard().address("nowhere.example", 80)
    with translation.override("zh-hans"):
        assert "网络上没有 nowhere.example 这个名称" in sentences.said(refused.value.sentence)


def _body(**answer: Any) -> None:
    def send(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, **answer)

    with httpx.Client(transport=httpx.MockTransport(send)) as client, client.stream("GET", "http://a.example/") as told:
        outside.body(told, 1 << 20, "a.example")


def _breaks_off() -> Iterator[bytes]:
    yield b"x"
    raise httpx.ReadError("gone")


def _late() -> Iterator[bytes]:
    yield b"x"
    raise httpx.ReadTimeout("late")


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"content": b"x" * (2 << 20)}, "a.example 的应答超过 1 MB。"),
        ({"content": b"", "headers": {"content-encoding": "gzip"}}, "a.example 压缩了应答，而要求的是不压缩。"),
        ({"content": _breaks_off()}, "a.example 中断了应答：ReadError。"),
        ({"content": _late()}, "a.example 没有按时应答完。"),
    ],
)
def test_an_answer_that_does_not_end_is_said_in_chinese(answer: dict[str, Any], says: str) -> None:
    with pytest.raises(Problem) as refused:
        _body(**answer)
    with translation.override("zh-hans"):
        assert sentences.said(refused.value.sentence) == says


@pytest.mark.parametrize(
    "written",
    [
        "The folder /srv/in is not there.", "h.example is not there: [Errno 2] in",
        "h.example may not be read: denied. Mend its permissions or the credentials.", "h.example cannot be read now: OSError: x",
        "a.csv is larger than 5,000 bytes. Raise largest_mb, or split it.", "Something broke here; it is in the log of jobs.",
        "public.t has no column a, b. It has c, d. Mend the mapping.", "The neighbour did not say what became of it.",
        "A later step of the same subject took effect already.", "a.example:80 cannot be reached.", "a.example answered 500.",
        "Messages of the kind 'x' are not known here; known are a, b.", "It could not be told; see the log.",
    ],
)  # fmt: skip
def test_what_is_kept_already_is_said_in_chinese(written: str) -> None:
    assert re.search(r"[\u3400-\u9fff]", sentences.in_chinese(written))


def test_what_changed_in_a_source_is_said_in_chinese() -> None:
    kinds = [
        changed.Change("appeared", "a", "", "text", True), changed.Change("vanished", "b", "text", "", True),
        changed.Change("renamed", "c", "text", "d", True), changed.Change("retyped", "e", "integer", "text", True),
    ]  # fmt: skip
    told = f"public.counts: {'; '.join(changed.said(one) for one in kinds)}. Nothing of it was taken; decide what it means."
    with translation.override("zh-hans"):
        assert sentences.said(told) == (
            "public.counts 的列变了（新出现列 a；列 b 不见了；列 c 不见了，那里是 d；列 e 原为 integer，现为 text），"
            "没有读入任何一行；请决定每个变化的含义。"
        )


def test_what_is_not_known_stays_as_it_came() -> None:
    with translation.override("zh-hans"):
        for text in ("材料不全，请补正。", "Something else happened.", ""):
            assert sentences.said(text) == text
