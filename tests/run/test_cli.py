# SPDX-License-Identifier: Apache-2.0
"""The front door: words in, an exit code and sentences out; a trace only for our own bugs."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import types
from pathlib import Path

import psycopg
import pytest

from chengyun import cli
from chengyun.bench import frame
from chengyun.bench.frame import Result
from chengyun.city import packs
from chengyun.errors import Misdeclared, NotFound, Refused


@pytest.fixture
def saying(monkeypatch: pytest.MonkeyPatch) -> list[BaseException]:
    """Offer one more command, `speak`, which raises what the list holds."""
    raised: list[BaseException] = []

    def speak(_: argparse.Namespace) -> int:
        if raised:
            raise raised[0]
        print(os.environ.get("CHENGYUN_DATA"))
        return 7

    def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
        subparsers.add_parser("speak").set_defaults(func=speak)

    monkeypatch.setattr(cli, "PARTS", ("run",))
    monkeypatch.setattr(cli.importlib, "import_module", lambda _: types.SimpleNamespace(add_commands=add_commands))
    return raised


@pytest.mark.parametrize(
    "words", [["speak", "--data", "somewhere"], ["--data", "somewhere", "speak"], ["speak", "--data=somewhere"]]
)
def test_the_data_folder_may_stand_anywhere(
    words: list[str], saying: list[BaseException], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CHENGYUN_DATA", "elsewhere")
    assert cli.main(words) == 7
    assert capsys.readouterr().out == "somewhere\n"


def test_a_problem_is_its_sentence_and_exit_code_one(saying: list[BaseException], capsys: pytest.CaptureFixture[str]) -> None:
    saying.append(Refused("Port 8330 is not free. Choose another."))
    assert cli.main(["speak"]) == 1
    assert capsys.readouterr().err == "Port 8330 is not free. Choose another.\n"


def test_wrong_declarations_are_all_listed(saying: list[BaseException], capsys: pytest.CaptureFixture[str]) -> None:
    saying.append(Misdeclared(["a/pack.py:1: one.", "a/pack.py:2: two."]))
    assert cli.main(["speak"]) == 1
    assert capsys.readouterr().err == "2 wrong declaration(s):\n  a/pack.py:1: one.\n  a/pack.py:2: two.\n"


def test_a_database_that_goes_away_is_a_sentence(saying: list[BaseException], capsys: pytest.CaptureFixture[str]) -> None:
    saying.append(psycopg.OperationalError("connection refused\n\tIs the server running?"))
    assert cli.main(["speak"]) == 1
    assert capsys.readouterr().err == "The database went away: connection refused. See `chengyun status`.\n"


def test_an_empty_data_folder_is_refused_rather_than_replaced(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["status", "--data", ""]) == 1
    assert capsys.readouterr().err.startswith("--data is empty")


def test_a_bug_of_ours_propagates(saying: list[BaseException]) -> None:
    saying.append(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        cli.main(["speak"])


def test_check_says_ok_and_counts(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check"]) == 0
    assert capsys.readouterr().out.startswith("ok: ")


def test_explain_suggests_the_nearest_pack(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["explain", "air_qualty"]) == 1
    assert 'Did you mean "air_quality"?' in capsys.readouterr().err


def test_a_reference_that_is_stale_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["reference", str(tmp_path)]) == 0
    assert cli.main(["reference", str(tmp_path), "--check"]) == 0
    pages = sorted(tmp_path.rglob("*.md"))
    assert {page.stem for page in pages} == {"access", "settings", *packs.load_city().packs}
    pages[0].write_text("something else")
    assert cli.main(["reference", str(tmp_path), "--check"]) == 1
    assert f"{pages[0]} is not what the declarations say." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("value", "target", "better", "holds"),
    [
        (8.0, 8.0, "lower", True),
        (8.1, 8.0, "lower", False),
        (8.0, 8.0, "higher", True),
        (7.9, 8.0, "higher", False),
        (1.0, None, "lower", True),
    ],
)
def test_a_target_is_reached_or_missed(value: float, target: float | None, better: str, holds: bool) -> None:
    assert Result(name="x", value=value, unit="s", target=target, better=better).holds is holds  # type: ignore[arg-type]


def test_a_bench_ends_with_one_json_object(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    results = [Result(name="quick", value=1.23456, unit="s", target=1, compared={"limit": "1 s"})]
    monkeypatch.setattr(frame, "benches", lambda: {"quick": lambda: results})
    assert cli.main(["bench", "quick"]) == 2
    lines = capsys.readouterr().out.splitlines()
    last = json.loads(lines[-1])
    assert lines[0].startswith("quick")
    assert "MISSED" in lines[0]
    assert (last["name"], last["value"], last["unit"], last["target"], last["holds"]) == ("quick", 1.235, "s", 1, False)
    assert last["compared"] == {"limit": "1 s"}
    assert last["machine"]["cores"] >= 1


def test_every_bench_is_listed_with_what_it_measures() -> None:
    """In a process of its own: the benches load before any settings are known."""
    listed = subprocess.run([sys.executable, "-m", "chengyun.cli", "bench", "--list"], capture_output=True, text=True, check=True)
    lines = listed.stdout.splitlines()
    assert {"start", "backload", "kills", "case-replay", "case-evaluation", "features", "board"} <= {
        line.split()[0] for line in lines
    }
    assert all(len(line.split(maxsplit=1)) == 2 for line in lines)


def test_an_unknown_bench_suggests_the_nearest() -> None:
    with pytest.raises(NotFound, match='Did you mean "memory"'):
        frame.run(["memroy"])
