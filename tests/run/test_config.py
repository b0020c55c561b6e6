# SPDX-License-Identifier: Apache-2.0
"""A wrong setting is one sentence that names it, before anything is made."""

from __future__ import annotations

from pathlib import Path

import psycopg.conninfo
import pytest

from chengyun.config import make_folder, read_config
from chengyun.errors import Refused, Unavailable
from chengyun.run import db, supervisor


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("CHENGYUN_PORT", "99999", "CHENGYUN_PORT is '99999', expected a port number from 1 to 65535"),
        ("CHENGYUN_PORT", "0", "CHENGYUN_PORT is '0'"),
        ("CHENGYUN_STREAM_PORT", "八千", "CHENGYUN_STREAM_PORT is '八千'"),
        ("CHENGYUN_CITY", "ningbo", "CHENGYUN_CITY is 'ningbo', expected the six digits"),
        ("CHENGYUN_CITY", "330203", "expected the six digits of a city"),
        ("CHENGYUN_TIME_ZONE", "Asia/Shangai", 'Did you mean "Asia/Shanghai"'),
    ],
)
def test_a_wrong_setting_is_named(name: str, value: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(Refused, match=says) as refused:
        read_config()
    assert "\n" not in refused.value.sentence


def test_an_empty_setting_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CHENGYUN_PORT", "CHENGYUN_HOST", "CHENGYUN_CITY", "CHENGYUN_TIME_ZONE"):
        monkeypatch.setenv(name, "")
    found = read_config()
    assert (found.port, found.host, found.city, found.time_zone) == (8330, "127.0.0.1", "330200", "Asia/Shanghai")


def test_the_last_port_leaves_room_for_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHENGYUN_PORT", "65535")
    assert read_config().stream_port == 65534


def test_the_key_of_signatures_is_made_when_it_is_needed_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHENGYUN_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("CHENGYUN_SECRET", raising=False)
    found = read_config()
    assert not found.data.exists()
    made = found.secret
    assert len(made) >= 48
    assert (found.data / "secret.key").stat().st_mode & 0o077 == 0
    assert read_config().secret == made


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("file", "cannot be made: it is a file"),
        ("file/below", "cannot be made: Not a directory"),
        ("/proc/city", "cannot be made: No such file or directory"),
        ("what?", "has . in its path"),
    ],
)
def test_a_folder_that_cannot_be_is_refused_with_the_reason(path: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Refused, match=says):
        make_folder(tmp_path / path)


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_a_host_that_is_not_ours_is_refused_at_once(host: str) -> None:
    with pytest.raises(Refused, match="which is no address of this machine"):
        supervisor._check_port(host, 9, "CHENGYUN_PORT")


@pytest.mark.parametrize("name", ["城 市", "it's 100%", 'a "b" & c', "one, two", "x" * 120])
def test_the_address_of_the_database_carries_any_folder(name: str, tmp_path: Path) -> None:
    folder = tmp_path / name / "db"
    assert psycopg.conninfo.conninfo_to_dict(db.url(folder))["host"] == str(db.socket_folder(folder))


@pytest.mark.parametrize("folder", ["城 市's data", 'a "b", c'])
def test_the_database_starts_in_any_folder(folder: str, tmp_path: Path) -> None:
    pgdata = tmp_path / folder / "db"
    log = tmp_path / "log"
    log.mkdir()
    db.prepare(pgdata)
    server = db.child(pgdata, log)
    server.start()
    try:
        db.wait_ready(pgdata, server)
        db.check_server(db.url(pgdata))
    finally:
        server.ask_to_stop()
        server.wait_stopped(20)


def test_a_server_that_does_not_answer_is_told_with_the_reason_alone() -> None:
    with pytest.raises(Unavailable, match=r"does not answer: Connection refused\. Check the address"):
        db.check_server("postgresql://127.0.0.1:1/city")
