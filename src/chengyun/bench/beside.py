# SPDX-License-Identifier: Apache-2.0
"""Other programs beside ours in the same run: their environments under build/peers, their processes, their database."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from chengyun.bench.place import free_ports, wait_for
from chengyun.errors import Unavailable

__all__ = ["environment", "postgis", "running"]

ABOVE = Path(__file__).parents[3] / "build" / "peers"
READY_WITHIN_S = 60.0
INSTALLED_WITHIN_S = 600.0
SERVERS = Path("/usr/lib/postgresql")
"""Where Debian puts PostgreSQL, a folder for each major version."""
SERVER_USER = "postgres"
"""Whom Debian's package makes; PostgreSQL does not run as root."""


def environment(name: str, wanted: Sequence[str]) -> Path:
    """Return the Python of an environment with packages from PyPI, made when it is not there. Raises Unavailable."""
    python = ABOVE / name / "bin" / "python"
    made = ABOVE / name / ".made"
    if not made.exists() or made.read_text().split() != list(wanted):
        try:
            subprocess.run([sys.executable, "-m", "venv", ABOVE / name], check=True, capture_output=True)
            subprocess.run(
                [python, "-m", "pip", "install", "--quiet", *wanted], check=True, capture_output=True, timeout=INSTALLED_WITHIN_S
            )
        except (OSError, subprocess.SubprocessError) as wrong:
            raise Unavailable(f"{', '.join(wanted)} cannot be installed under build/peers/{name}.") from wrong
        made.write_text(" ".join(wanted))
    return python


@contextlib.contextmanager
def running(command: Sequence[str | Path], ready: Callable[[], bool], **given: Any) -> Iterator[None]:
    """Run a program while the block runs. given: to subprocess.Popen. Raises Unavailable when it does not become ready."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **given)
    try:
        wait_for(lambda: process.poll() is not None or ready(), READY_WITHIN_S, f"{Path(command[0]).name} did not answer")
        if process.poll() is not None:
            raise Unavailable(f"{Path(command[0]).name} ended with code {process.returncode}.")
        yield
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def postgis() -> Iterator[str]:
    """Run Debian's PostgreSQL with PostGIS in a folder of its own; yield its address. Raises Unavailable where there is none."""
    import psycopg

    programs = next((found.parent for found in sorted(SERVERS.glob("*/bin/postgres"), reverse=True)), None)
    if programs is None:
        raise Unavailable("There is no PostgreSQL with PostGIS. Install Debian's postgresql-postgis.")
    own = {"user": SERVER_USER} if os.geteuid() == 0 else {}
    folder = Path(tempfile.mkdtemp(prefix="chengyun-postgis-"))
    try:
        if own:
            shutil.chown(folder, SERVER_USER)
        made = [programs / "initdb", "-D", folder / "db", "-U", "bench", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"]
        subprocess.run(made, check=True, capture_output=True, cwd=folder, **own)  # type: ignore[call-overload]
        port = free_ports(1)[0]
        address = f"postgresql://bench@127.0.0.1:{port}/postgres"
        options = ["-h", "127.0.0.1", "-p", str(port), "-k", str(folder), "-c", "shared_buffers=160MB"]
        with running(
            [str(programs / "postgres"), "-D", str(folder / "db"), *options], lambda: _answers(address), cwd=folder, **own
        ):
            with psycopg.connect(address, autocommit=True) as conn:
                conn.execute("CREATE EXTENSION postgis")
            yield address
    except (subprocess.SubprocessError, psycopg.Error, LookupError) as wrong:
        raise Unavailable(f"PostgreSQL with PostGIS did not run: {str(wrong)[:120]}") from wrong
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _answers(address: str) -> bool:
    import psycopg

    try:
        psycopg.connect(address, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True
