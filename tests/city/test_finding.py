# SPDX-License-Identifier: Apache-2.0
"""Packs that cannot be found or read: named, with what to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from chengyun.city import load_city
from chengyun.errors import Misdeclared


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("air_qualty", 'Did you mean "chengyun.packs.air_quality"?'),
        ("air_quality", 'Did you mean "chengyun.packs.air_quality"?'),
        ("..", "'..' is not a module's name"),
        ("packs/air_quality", "'packs/air_quality' is not a module's name"),
    ],
)
def test_a_pack_that_cannot_be_found_is_named_with_the_nearest(name: str, says: str) -> None:
    with pytest.raises(Misdeclared) as wrong:
        load_city([name])
    [fault] = wrong.value.faults
    assert says in fault


def test_a_pack_python_cannot_read_is_a_fault_with_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "unreadable").mkdir()
    (tmp_path / "unreadable" / "__init__.py").touch()
    (tmp_path / "unreadable" / "pack.py").write_text("PACK =\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(Misdeclared, match=r"unreadable/pack\.py:1: invalid syntax; Python cannot read it\."):
        load_city(["unreadable"])
