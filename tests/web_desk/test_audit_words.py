# SPDX-License-Identifier: Apache-2.0
"""The audit page says deeds and details in words; no deed and no detail that the program records is without them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import translation

import chengyun
from chengyun.access import audit
from chengyun.access.actors import SYSTEM
from chengyun.access.models import AuditRecord, Organisation
from chengyun.web.desk.auditdetails import TERMS, Names, about, said_of
from chengyun.web.desk.auditwords import DEEDS

WRITERS = ("audit.record", "write_opening", "publish")
READERS = ("record_read", "record_rows")
OWN = {"keys", "fields", "purpose", "subjects", "target"}
"""Parameters of those that are no details."""


def recorded() -> Iterator[tuple[str, set[str], set[str]]]:
    """Yield for each module that records something: its name, deeds and keys of details that stand in it as text."""
    for path in sorted(Path(chengyun.__file__).parent.rglob("*.py")):
        tree, deeds, keys = ast.parse(path.read_text(encoding="utf-8")), set[str](), set[str]()
        calls = [one for one in ast.walk(tree) if isinstance(one, ast.Call)]
        records = [one for one in calls if ast.unparse(one.func) == "audit.record"]
        for one in records:
            deeds |= {it.value for it in ast.walk(one.args[1]) if isinstance(it, ast.Constant) and isinstance(it.value, str)}
            given = [it.value for it in one.keywords if it.arg == "detail"] + one.args[5:6]
            keys |= {
                it.value for detail in given if isinstance(detail, ast.Dict) for it in detail.keys if isinstance(it, ast.Constant)
            }
        for one in calls:
            if isinstance(one.func, ast.Attribute) and one.func.attr in READERS:
                keys |= {it.arg for it in one.keywords if it.arg} - OWN
        for function in (one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef)):
            inside = list(ast.walk(function))
            if any(isinstance(one, ast.Call) and ast.unparse(one.func) in WRITERS for one in inside):
                given = [one.value for one in inside if isinstance(one, ast.Assign) and ast.unparse(one.targets[0]) == "detail"]
                keys |= {
                    it.value for one in given if isinstance(one, ast.Dict) for it in one.keys if isinstance(it, ast.Constant)
                }
        if deeds or keys:
            yield str(path), {one for one in deeds if re.fullmatch(r"[a-z_]+(\.[a-z_]*[a-z])+", one)}, keys


def test_nothing_is_recorded_that_has_no_words() -> None:
    found = list(recorded())
    assert len(found) > 50
    steps = {"case.open", "case.assign"}
    assert {(path, one) for path, deeds, _keys in found for one in deeds - DEEDS.keys() - steps} == set()
    assert {(path, one) for path, _deeds, keys in found for one in keys - TERMS.keys()} == set()


def written(action: str, dataset: str, detail: dict[str, object], **more: object) -> dict[str, str]:
    row = AuditRecord.objects.get(pk=audit.record(SYSTEM, action, dataset, detail=detail, **more))  # type: ignore[arg-type]
    return {one.term: one.value for one in said_of(row, Names.of([row]))}


@pytest.mark.django_db
def test_a_detail_is_words_of_its_dataset_bodies_and_states() -> None:
    Organisation.objects.get_or_create(key="environment_330203", defaults={"name": "生态环境局海曙分局"})
    assert written(
        "read", "population.person", {"way": "exchange", "rows": 12345, "grants": ["G20260001", "G20260002"]},
        subjects=[("population.person", "p1")], fields=("name", "id_number"),
    ) == {
        "途径": "数据交换", "行数": "12,345", "授权": "G20260001、G20260002", "字段": "公民身份号码、名称", "涉及人数": "1",
    }  # fmt: skip
    granted = {"number": "G1", "to": "environment_330203", "fields": {"name": "clear"}}
    assert written("grant.create", "population.person", granted) == {
        "编号": "G1", "给": "生态环境局海曙分局", "字段": "名称：明文",
    }  # fmt: skip
    assert written("request.submit", "", {"state": "submitted"}) == {"状态": "待答复"}
    exported = {"format": "pdf", "at": "2026-11-20T00:00:00+00:00", "automatic": True, "to": None}
    assert written("board.exported", "boards", exported) == {
        "格式": "pdf", "时刻": "2026-11-20 08:00", "自动": "是", "给": "—",
    }  # fmt: skip
    many = written("register.merge", "", {"keys": [f"k{at}" for at in range(40)], "odd": 1})
    assert many["编码"].endswith("k11 等 40 项")
    assert many["odd"] == "1", "what has no word yet keeps its own"


@pytest.mark.django_db
def test_what_the_program_named_is_said_in_the_readers_language_and_what_people_wrote_stays() -> None:
    with translation.override("en"):
        told = written("register.load", "laws.law", {"authority": "软件自带", "reason": "按来信更正"})
        assert about("软件自带") == "Brought by the software"
    assert set(told.values()) == {"Brought by the software", "按来信更正"}


def test_the_page_is_in_words(signed_in) -> None:
    reader = signed_in("auditwords", "auditor")
    audit.record(SYSTEM, "read", "audit", "reads by body", detail={"days": 30})
    page = reader.get("/audit?dataset=audit").content.decode()
    assert "<td>各部门读取情况</td>" in page
    assert "<dt>天数</dt><dd>30</dd>" in page
    assert "reads by body" not in page
    assert "{&quot;" not in page
