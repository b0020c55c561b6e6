# SPDX-License-Identifier: Apache-2.0
"""Who looked: told to whom it concerns and nobody else, in plain words, with a proof no byte of which can be changed."""

from __future__ import annotations

import copy
import csv
import datetime as dt
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from tests.share_lookups.conftest import PERSON, Town

from chengyun.access import audit
from chengyun.access.actors import SYSTEM, actor_of_account
from chengyun.cases.models import Case
from chengyun.cases.services import take_step
from chengyun.errors import NotFound, Refused
from chengyun.share import ledger
from chengyun.share.lookups import patterns, queries, services, verifier, withheld
from chengyun.share.lookups.models import Identity
from chengyun.share.lookups.queries import Asked
from chengyun.share.registers import identity


def read(town: Town, body: Any, keys: list[str], purpose: str = "case", **rest: Any) -> int:
    """Record a read as a door does."""
    return audit.record(
        town.clerk(body), "read", PERSON, keys[0], purpose, rest.pop("detail", None), subjects=[(PERSON, key) for key in keys],
        fields=["name", "phone"], **rest,
    )  # fmt: skip


def settle() -> None:
    """Commit's own work, done now: the links that a commit would make, what the jobs tell the log, and its heads."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    services.tell_log()
    ledger.sequence("audit")


def test_only_the_resident_is_told_and_of_their_row_alone(town: Town, enter: Any) -> None:
    first = read(town, town.police, ["look-1"])
    read(town, town.health, ["look-2", "p3"])
    both = read(town, town.health, ["look-1", "look-2", "p3"], "statistics", detail={"grants": ["G20260001"]})
    now = timezone.now()
    about = queries.identities(town.resident.pk)
    assert [one.record for one in queries.looks(about, Asked(), now)] == [both, first]
    assert queries.identities(town.stranger.pk) == []
    assert queries.looks([], Asked(), now) == []
    newest, oldest = queries.looks(about, Asked(), now)
    assert (oldest.organisation, oldest.deed, oldest.fields, oldest.grants) == ("公安局", "查看", ("名称", "联系电话"), ())
    assert (newest.purpose, newest.grants) == ("统计分析", ("G20260001",))
    assert [one.record for one in queries.looks(about, Asked(organisation="police_x"), now)] == [first]
    assert [one.record for one in queries.looks(about, Asked(purpose="statistics"), now)] == [both]
    assert queries.looks(about, Asked(since=now + dt.timedelta(hours=1)), now) == []
    assert [one.record for one in queries.looks(about, Asked(before=both), now, 1)] == [first]
    page = enter(town.resident).get("/my/data").content.decode()
    assert "公安局" in page
    assert "G20260001" in page
    assert "clerk_police_x" not in page
    assert "look-2" not in page
    page = enter(town.stranger).get("/my/data").content.decode()
    assert "公安局" not in page
    assert "核验" in page
    assert enter(town.stranger).get(f"/my/data/{first}/proof.json").status_code == 404
    assert enter(town.resident).get("/my/data?since=tomorrow").status_code == 400


def test_who_was_merged_into_another_key_still_sees_every_look(town: Town) -> None:
    """The account's key leads to another, or another to it: it is one person, and each proof holds."""
    before = read(town, town.health, ["look-2"])
    own = read(town, town.police, ["look-1"])
    about, now = queries.identities(town.resident.pk), timezone.now()
    assert [one.record for one in queries.looks(about, Asked(), now)] == [own]
    merged = identity.merge(SYSTEM, PERSON, ["look-1"], "look-2", "同一人")
    after = read(town, town.health, ["look-2", "look-3"])
    settle()
    now = timezone.now()
    assert [one.record for one in queries.looks(about, Asked(), now)] == [after, own, before]
    assert [verifier.verify(queries.proof(about, one, now)) for one in (before, after)]
    assert "卫健委" in queries.bodies(about, now).values()
    identity.undo(SYSTEM, merged.pk)
    assert [one.record for one in queries.looks(about, Asked(), now)] == [own]


@pytest.fixture
def proof(town: Town) -> dict[str, Any]:
    """The proof of one look among several, with five persons in it."""
    read(town, town.police, ["look-2"])
    record = read(town, town.police, ["look-1", "look-2", "p3", "p4", "p5"], detail={"grants": ["G20260001"]})
    for _ in range(3):
        read(town, town.health, ["p3"])
    with pytest.raises(NotFound):
        queries.proof(queries.identities(town.resident.pk), record, timezone.now())
    settle()
    return queries.proof(queries.identities(town.resident.pk), record, timezone.now())


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in items:
        yield from leaves(inner, (*path, name))
    if not isinstance(value, dict | list):
        yield path, value


def changed(proof: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the proof with every single character of every text, and every number, changed in turn."""
    for path, value in leaves(proof):
        others = [value + 1] if isinstance(value, int) else [
            value[:at] + ("0" if char != "0" else "1") + value[at + 1 :] for at, char in enumerate(value)
        ]  # fmt: skip
        for at, other in enumerate(others):
            made = copy.deepcopy(proof)
            held: Any = made
            for step in path[:-1]:
                held = held[step]
            held[path[-1]] = other
            yield f"{path} {at}", made


def test_a_proof_holds_and_no_changed_character_does(proof: dict[str, Any], tmp_path: Path, capsys: Any) -> None:
    thumbprint = verifier.verify(proof)
    assert proof["statement"]["organisation"] == "police_x"
    assert proof["statement"]["grants"] == ["G20260001"]
    assert "clerk" not in json.dumps(proof)
    passed = []
    for name, wrong in changed(proof):
        try:
            verifier.verify(wrong)
        except verifier.Wrong:
            continue
        passed.append(name)
    assert passed == []
    with pytest.raises(verifier.Wrong, match="none of those you know"):
        verifier.verify(proof, ("another",))
    for missing in proof:
        with pytest.raises(verifier.Wrong):
            verifier.verify({name: part for name, part in proof.items() if name != missing})
    file = tmp_path / "look.json"
    file.write_text(json.dumps(proof), encoding="utf-8")
    assert verifier.main([str(file), "--key", thumbprint]) == 0
    file.write_text(json.dumps({"looks": [{"proof": proof}, {"proof": None}, {"proof": {**proof, "log": {}}}]}), encoding="utf-8")
    assert verifier.main([str(file)]) == 1
    assert verifier.main([str(tmp_path / "none.json")]) == 2
    said = capsys.readouterr().out
    assert "1: holds" in said
    assert "3: does NOT hold" in said


def test_a_path_lets_nobody_try_out_who_else_was_read(proof: dict[str, Any], town: Town) -> None:
    from chengyun.access.subjects import subject_id
    from chengyun.share.ledger.tree import leaf_hash

    other = subject_id(PERSON, "look-2").bytes
    tried = {leaf_hash(other).hex(), leaf_hash(other + bytes.fromhex(proof["person"]["leaf"])[16:]).hex()}
    assert not tried & set(proof["person"]["hashes"])


def test_the_log_is_told_each_read_once(town: Town) -> None:
    settle()
    read(town, town.police, ["look-1"])
    audit.record(SYSTEM, "other.deed", "alerts")
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert services.tell_log() == 1
    assert services.tell_log() == 0


def test_downloads_say_the_same_and_run_nothing(town: Town, enter: Any) -> None:
    assert queries.bodies(queries.identities(town.resident.pk), timezone.now()) == {}
    town.police.name = "=HYPERLINK(1)"
    town.police.save()
    record = read(town, town.police, ["look-1"])
    settle()
    read(town, town.health, ["look-1"])
    client = enter(town.resident)
    body = client.get("/my/data/looks.csv").content
    assert body.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(body.decode("utf-8-sig"))))
    assert [row[2] for row in rows[1:]] == ["卫健委", "'=HYPERLINK(1)"]
    looks = client.get("/my/data/looks.json").json()["looks"]
    assert looks[0]["proof"] is None
    assert "一分钟" in looks[0]["why"]
    verifier.verify(looks[1]["proof"])
    assert client.get("/my/data/looks.pdf").content.startswith(b"%PDF")
    assert client.get("/my/data/looks.exe").status_code == 404
    assert len(csv.reader(io.StringIO(client.get("/my/data/looks.csv?organisation=police_x").content.decode())).__next__()) == 9
    alone = client.get(f"/my/data/{record}/proof.json").content
    verifier.verify(json.loads(alone))
    assert b"RFC 9162" in b"".join(client.get("/my/data/verify_look.py").streaming_content)


def test_a_question_is_a_case_of_the_body_that_looked_and_its_answer_comes_back(town: Town, enter: Any) -> None:
    record = read(town, town.police, ["look-1"])
    other = read(town, town.police, ["look-2"])
    now = timezone.now()
    client = enter(town.resident)
    for wrong in ({"record": str(other)}, {"record": "999999999"}):
        assert client.post("/my/data/ask", {"kind": "question", "text": "为什么看我的电话？", **wrong}).status_code == 404
    for wrong in ({"kind": "revenge"}, {"text": "？"}, {"text": "长" * 2001}):
        given = {"kind": "question", "text": "为什么看我的电话？", "record": str(record), **wrong}
        assert client.post("/my/data/ask", given).status_code == 400
    answer = client.post("/my/data/ask", {"kind": "complaint", "text": "为什么看我的电话？", "record": str(record)}, follow=True)
    assert "已提交" in answer.content.decode()
    case = Case.objects.get(type=services.CASE_TYPE)
    assert (case.owner, case.department, case.state) == (town.police, town.police, "answering")
    assert 9 <= (case.due_at - now).days <= 25
    with pytest.raises(Refused):
        take_step(case, "answer", town.clerk(town.health), now, note="不是我们")
    take_step(case, "answer", town.clerk(town.police), now, note="办理您的落户申请时核对。")
    page = client.get("/my/data").content.decode()
    assert "办理您的落户申请时核对。" in page
    whole = services.ask(actor_of_account(town.resident), "question", "都是谁在看？", now)
    assert whole.case.state == "received"
    with pytest.raises(NotFound):
        services.ask(actor_of_account(town.stranger), "question", "都是谁在看？", now)


def test_an_account_is_one_person_and_a_person_one_account(town: Town) -> None:
    with pytest.raises(Refused, match="另一个账号"):
        services.link(SYSTEM, town.stranger, PERSON, "look-1", "窗口核验身份证")
    with pytest.raises(Refused, match="is no register of persons"):
        services.link(SYSTEM, town.stranger, "areas", "look-1", "窗口")
    with pytest.raises(NotFound):
        services.link(SYSTEM, town.stranger, PERSON, "nobody", "窗口")
    with pytest.raises(Refused, match="如何核验"):
        services.link(SYSTEM, town.stranger, PERSON, "look-2", " ")
    with pytest.raises(Refused):
        services.link(actor_of_account(town.resident), town.resident, PERSON, "look-2", "我说的")
    services.unlink(SYSTEM, Identity.objects.get(account=town.resident))
    assert queries.identities(town.resident.pk) == []
    services.link(SYSTEM, town.stranger, PERSON, "look-1", "窗口核验身份证")


def test_a_withheld_purpose_is_told_when_its_time_is_up(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    record = read(town, town.police, ["look-1"], "audit")
    about, now = queries.identities(town.resident.pk), timezone.now()
    assert [one.record for one in queries.looks(about, Asked(), now)] == [record]
    monkeypatch.setattr(queries, "withheld", lambda: withheld.read("audit:30"))
    assert queries.looks(about, Asked(), now) == []
    assert queries.looks(about, Asked(purpose="audit"), now) == []
    assert queries.bodies(about, now) == {}
    with pytest.raises(NotFound):
        queries.proof(about, record, now)
    assert [one.record for one in queries.looks(about, Asked(), now + dt.timedelta(days=31))] == [record]
    for wrong in ("spying:3", "audit", "audit:0", "audit:99999"):
        with pytest.raises(Refused, match="CHENGYUN_WITHHELD"):
            withheld.read(wrong)


def test_the_officer_sees_counts_and_nobody(town: Town, enter: Any) -> None:
    for _ in range(2):
        read(town, town.police, ["look-1", "look-2", "p3", "p4"])
    read(town, town.health, ["look-1"])
    found = {one.key: one for one in patterns.bodies(timezone.now() + dt.timedelta(minutes=1))}
    assert (found["police_x"].reads, found["police_x"].persons) == (2, 8)
    assert found["health_x"].persons is None
    page = enter(town.officer).get("/privacy/reads").content.decode()
    assert "公安局" in page
    assert "clerk_" not in page
    assert "look-1" not in page
    assert enter(town.resident).get("/privacy/reads").status_code in (403, 404)
    assert patterns.unusual([10, 12, 9, 11, 10, 12, 400]) == [False] * 6 + [True]
    assert patterns.unusual([1, 1, 1, 1, 1, 1, 12]) == [False] * 7
    assert patterns.unusual([5, 5000]) == [False, False]
