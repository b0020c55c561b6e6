# SPDX-License-Identifier: Apache-2.0
"""A look under an SM2 key is checked by the resident's own program as one under Ed25519 is."""

from __future__ import annotations

import copy
import datetime as dt
import hashlib
import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from chengyun.access import signatures
from chengyun.access.keystore import SigningKey
from chengyun.share.ledger import verifier as receipts
from chengyun.share.ledger.heads import sign_head
from chengyun.share.lookups import verifier


def proof_under(algorithm: str) -> dict[str, Any]:
    """A log of one read, of one person."""
    private = signatures.make(algorithm)
    public = signatures.public(algorithm, private)
    key = SigningKey(public["kid"], algorithm, 1, public, private)
    leaf = b"who and a salt"
    statement = {
        "record": 1, "organisation": "police", "purpose": "case", "fields": ["phone"],
        "persons": {"count": 1, "root": hashlib.sha256(b"\x00" + leaf).hexdigest()},
    }  # fmt: skip
    root = hashlib.sha256(b"\x00" + receipts.canonical(statement)).digest()
    head = sign_head("audit", 1, root, dt.datetime(2026, 11, 22, tzinfo=dt.UTC), "haishu", key)
    return {
        "statement": statement, "person": {"leaf": leaf.hex(), "index": 0, "size": 1, "hashes": []},
        "log": {"index": 0, "size": 1, "hashes": []}, "head": head.note, "key": dict(public),
    }  # fmt: skip


@pytest.mark.parametrize("algorithm", ["ed25519", "sm2"])
def test_a_look_is_proved_under_either_key_and_any_change_is_found(algorithm: str, tmp_path: Path) -> None:
    if algorithm == "sm2":
        pytest.importorskip("gmalg")
    proof = proof_under(algorithm)
    assert verifier.verify(proof, (proof["key"]["kid"],)) == proof["key"]["kid"]
    head = proof["head"]
    for at in range(0, len(head), 3):
        with pytest.raises(verifier.Wrong):
            verifier.verify({**proof, "head": head[:at] + chr(ord(head[at]) ^ 1) + head[at + 1 :]})
    for name in set(proof["key"]) - {"kid"}:
        wrong = copy.deepcopy(proof)
        wrong["key"][name] = wrong["key"][name][:-1] + ("A" if wrong["key"][name][-1] != "A" else "Q")
        with pytest.raises(verifier.Wrong):
            verifier.verify(wrong)
    file = tmp_path / "look.json"
    file.write_bytes(receipts.canonical(proof))
    alone = tmp_path / "verify_look.py"
    alone.write_text(inspect.getsource(verifier), encoding="utf-8")
    done = subprocess.run([sys.executable, "-I", alone, file], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.startswith("1: holds")) == (0, True), done.stderr


def test_a_stray_point_and_a_strange_kind_are_refused() -> None:
    pytest.importorskip("gmalg")
    proof = proof_under("sm2")
    stray = {**proof["key"], "x": proof["key"]["y"]}
    stray["kid"] = signatures.thumbprint(stray)
    with pytest.raises(verifier.Wrong, match="no point"):
        verifier.verify({**proof, "key": stray})
    with pytest.raises(verifier.Wrong, match="checks Ed25519 and SM2"):
        verifier.verify({**proof, "key": {**proof["key"], "crv": "P-256"}})


def test_both_programs_that_stand_alone_hold_the_same_arithmetic() -> None:
    """Each must be one file, so the curve stands in both: line for line the same, as the published example is checked in one."""
    for name in ("_sm2", "_sm3", "_added", "_times"):
        assert inspect.getsource(getattr(verifier, name)) == inspect.getsource(getattr(receipts, name))
    for name in ("P", "A", "B", "N", "GX", "GY", "IDENTITY", "KINDS"):
        assert getattr(verifier, name) == getattr(receipts, name)
