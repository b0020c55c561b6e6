# SPDX-License-Identifier: Apache-2.0
"""A database and a stream process of this folder's own, and real databases to read from."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from django.db import connection

sys.path.insert(0, str(Path(__file__).parent))  # importlib mode gives tests no folder of their own

from house import Town

from chengyun.bench.place import status, wait_for
from chengyun.config import config
from chengyun.run import db
from chengyun.run.child import Child
from chengyun.run.process import dies_with_parent

NAME = "test_pull"


def free_port() -> int:
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def town_env(tmp_path_factory) -> Iterator[dict[str, str]]:
    """The environment of an installation: a migrated database and a stream process serving on it."""
    above = os.environ["CHENGYUN_DATABASE_URL"]
    own = urlsplit(above)._replace(path=f"/{NAME}").geturl()
    with psycopg.connect(above, autocommit=True) as conn:
        conn.execute(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")
        conn.execute(f"CREATE DATABASE {NAME}")
    folders = tmp_path_factory.mktemp("folders")
    env = os.environ | {
        "CHENGYUN_DATABASE_URL": own, "CHENGYUN_STREAM_PORT": str(free_port()), "CHENGYUN_SECRET": "pull-tests",
        "CHENGYUN_SOURCE_HOSTS": "127.0.0.1,localhost", "CHENGYUN_SOURCE_FOLDERS": str(folders), "CHENGYUN_DEMO": "0",
        "CHENGYUN_PACKS": "chengyun.packs.air_quality",
    }  # fmt: skip
    done = subprocess.run([sys.executable, "-m", "chengyun.run.migrate"], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    log = open(folders.parent / "stream.log", "w")  # noqa: SIM115
    stream = subprocess.Popen(
        [sys.executable, "-m", "chengyun.run.serve", "stream"],
        env=env,
        stdout=log,
        stderr=log,
        preexec_fn=dies_with_parent(signal.SIGTERM),
    )
    wait_for(
        lambda: status(f"http://127.0.0.1:{env['CHENGYUN_STREAM_PORT']}/health") == 200, 30, "the stream process did not answer"
    )
    yield env
    stream.terminate()
    stream.wait(20)
    log.close()
    with psycopg.connect(above, autocommit=True) as conn:
        conn.execute(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")


@pytest.fixture
def town(town_env, django_db_setup, django_db_blocker) -> Iterator[Town]:
    """That installation, with this process's Django on its database. Tests make sources and stations of their own."""
    settings = dataclasses.replace(
        config(), database_url=town_env["CHENGYUN_DATABASE_URL"], stream_port=int(town_env["CHENGYUN_STREAM_PORT"]),
        given_secret="pull-tests", source_hosts=("127.0.0.1", "localhost"),
        source_folders=(Path(town_env["CHENGYUN_SOURCE_FOLDERS"]),),
    )  # fmt: skip
    settings.__dict__.pop("secret", None)
    with django_db_blocker.unblock():
        connection.close()
        former = connection.settings_dict["NAME"]
        connection.settings_dict["NAME"] = NAME
        try:
            yield Town(settings, town_env)
        finally:
            connection.close()
            connection.settings_dict["NAME"] = former


class Database:
    """A real database somebody else keeps. address: as a source names it."""

    def __init__(self, address: str, user: str, password: str, execute: Callable[..., list]) -> None:
        self.address, self.user, self.password, self.execute = address, user, password, execute


@pytest.fixture(scope="session")
def postgres() -> Iterator[Database]:
    """A second PostgreSQL, reached over TCP as a department's would be."""
    folder = Path(tempfile.mkdtemp(prefix="chengyun-pull-pg-"))
    folder.chmod(0o755)
    pgdata = folder / "db"
    (folder / "log").mkdir()
    db.prepare(pgdata)
    port = free_port()
    child = db.child(pgdata, folder / "log")
    server = Child(
        "pg", [*child.command, "-c", "listen_addresses=127.0.0.1", "-c", f"port={port}"], folder / "log",
        stop_with=child.stop_with, user=child.user,
    )  # fmt: skip
    server.start()
    address = f"postgresql://postgres@127.0.0.1:{port}/postgres"

    def answers() -> bool:
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(address, connect_timeout=1):
            return True
        return False

    wait_for(answers, 20, "the second PostgreSQL did not answer")

    def execute(query: str, *parameters) -> list:
        with psycopg.connect(address, autocommit=True) as conn:
            cursor = conn.execute(query, parameters or None)
            return cursor.fetchall() if cursor.description else []

    yield Database(f"postgresql://127.0.0.1:{port}/postgres", "postgres", "", execute)
    server.ask_to_stop()
    server.wait_stopped(20)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def mariadb() -> Iterator[Database]:
    """A real MariaDB; the test is skipped where Debian's mariadb-server is not installed."""
    program = shutil.which("mariadbd", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip("mariadb-server is not installed")
    import pymysql

    folder = Path(tempfile.mkdtemp(prefix="chengyun-pull-my-"))
    folder.chmod(0o755)
    user = "mysql" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    data = folder / "data"
    shutil.chown(folder, user)
    made = subprocess.run(
        ["mariadb-install-db", "--no-defaults", f"--datadir={data}", f"--user={user}",
         "--auth-root-authentication-method=normal"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    port = free_port()
    with open(folder / "log", "w") as log:
        server = subprocess.Popen(
            [program, "--no-defaults", f"--datadir={data}", f"--socket={folder / 's'}", f"--port={port}",
             "--bind-address=127.0.0.1", "--skip-name-resolve",
             f"--user={user}", "--innodb-buffer-pool-size=32M", f"--pid-file={folder / 'pid'}"],
            stdout=log, stderr=log, preexec_fn=dies_with_parent(signal.SIGTERM),
        )  # fmt: skip

    chosen = {"unix_socket": str(folder / "s"), "user": "root", "autocommit": True, "charset": "utf8mb4"}

    def connect():
        return pymysql.connect(**chosen)

    def answers() -> bool:
        with contextlib.suppress(pymysql.err.OperationalError), connect():
            return True
        return False

    wait_for(answers, 20, "MariaDB did not answer")

    def execute(query: str, *parameters) -> list:
        with connect() as conn, conn.cursor() as cursor:
            cursor.execute(query, parameters or None)
            return list(cursor.fetchall())

    execute("CREATE DATABASE traffic CHARACTER SET utf8mb4")
    chosen["database"] = "traffic"
    execute("CREATE USER 'reader'@'%' IDENTIFIED BY 'only-to-read'")
    execute("GRANT SELECT ON traffic.* TO 'reader'@'%'")
    yield Database(f"mysql://127.0.0.1:{port}/traffic", "reader", "only-to-read", execute)
    server.terminate()
    server.wait(20)
    shutil.rmtree(folder, ignore_errors=True)
