# SPDX-License-Identifier: Apache-2.0
"""The database server: what stands in the way of a start is one sentence that says what to do."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest

from chengyun.errors import Refused, Unavailable
from chengyun.run import db, folder

ADDRESS = os.environ["CHENGYUN_DATABASE_URL"]


def test_a_server_that_can_be_used_is_accepted() -> None:
    db.check_server(ADDRESS)


def test_a_server_that_is_too_old_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db, "OLDEST_SERVER", 99)
    with pytest.raises(Refused, match=r"^The database server is PostgreSQL \d+; chengyun needs 99 or newer\.$"):
        db.check_server(ADDRESS)


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(Refused, match=r"^CHENGYUN_DATABASE_URL is not an address of a database\. Write postgresql://"):
        db.check_server("mysql://localhost/city")


def test_a_user_without_the_right_to_make_schemas_is_refused() -> None:
    with psycopg.connect(ADDRESS, autocommit=True) as connection:
        connection.execute("CREATE ROLE reader LOGIN")
        try:
            with pytest.raises(Refused, match="Grant it CREATE on that database"):
                db.check_server(ADDRESS.replace("postgres@", "reader@"))
        finally:
            connection.execute("DROP ROLE reader")


def test_a_disk_with_too_little_room_is_refused_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder.shutil, "disk_usage", lambda _: SimpleNamespace(free=150_000_000))
    with pytest.raises(Refused, match=r"^Only 150 MB are free on the disk of .*; 200 MB are needed to start\. Make room"):
        folder.check_disk(tmp_path)


def test_a_disk_that_fills_while_writing_is_a_sentence() -> None:
    with (
        pytest.raises(Refused, match=r"^The disk of the data folder is full\. Make room"),
        folder.explained(),
        open("/dev/full", "w") as full,
    ):
        full.write("x" * 100_000)


def test_a_bug_is_not_explained_away() -> None:
    with pytest.raises(FileNotFoundError), folder.explained():
        Path("no such file").read_text()


@pytest.mark.parametrize("made_by", ["99", "9"])
def test_a_folder_of_another_postgresql_is_refused_with_both_versions(tmp_path: Path, made_by: str) -> None:
    (tmp_path / "db").mkdir()
    (tmp_path / "db" / "PG_VERSION").write_text(f"{made_by}\n")
    with pytest.raises(Refused, match=rf"was made by PostgreSQL {made_by}, but this program brings \d+\."):
        db.prepare(tmp_path / "db")


def test_an_interrupted_first_start_is_begun_again(tmp_path: Path) -> None:
    half = tmp_path / "db.making"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    db.prepare(tmp_path / "db")
    assert (tmp_path / "db" / "global" / "pg_control").exists()
    assert not half.exists()


def test_only_the_server_opens_its_socket(tmp_path: Path) -> None:
    db.prepare(tmp_path / "db")
    mode = stat.S_IMODE(db.socket_folder(tmp_path / "db").stat().st_mode)
    assert mode & 0o077 == 0
    assert db.socket_folder(tmp_path / "db").is_relative_to(tmp_path)


def test_a_long_path_has_its_socket_in_the_temporary_folder() -> None:
    long = Path("/data") / ("a" * 100) / "db"
    assert len(str(db.socket_folder(long) / ".s.PGSQL.5432")) <= db.SOCKET_NAME_LIMIT
    assert not db.socket_folder(long).is_relative_to("/data")


def test_a_program_the_disk_has_no_room_for_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = SimpleNamespace(
        returncode=1, stdout="", stderr="initdb: error: could not write file: No space left on device\ninitdb: removed"
    )
    real = db.subprocess.run
    monkeypatch.setattr(db.subprocess, "run", lambda command, **how: said if "initdb" in command[0] else real(command, **how))
    with pytest.raises(Refused, match=r"^The disk of .* is full\. Make room"):
        db.prepare(tmp_path / "db")


def test_an_old_log_gives_way_to_a_new_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from chengyun.run import child

    monkeypatch.setattr(child, "LOG_LIMIT", 10)
    chatty = child.Child("chatty", ["true"], tmp_path)
    chatty.log_file.write_text("more than ten characters")
    chatty.rotate_log()
    assert chatty.log_file.read_text() == ""
    assert (tmp_path / "chatty.log.1").read_text() == "more than ten characters"


def test_a_server_that_cannot_start_is_told_with_its_last_words(tmp_path: Path) -> None:
    db.prepare(tmp_path / "db")
    (tmp_path / "db" / "postgresql.auto.conf").write_text("no_such_setting = 1\n")
    (tmp_path / "log").mkdir()
    server = db.child(tmp_path / "db", tmp_path / "log")
    server.start()
    with pytest.raises(Unavailable, match=r"^The database stopped while starting: .*no_such_setting|contains errors"):
        db.wait_ready(tmp_path / "db", server)
