# SPDX-License-Identifier: Apache-2.0
"""Every test runs on a real embedded PostgreSQL in a folder of its own, started once and stopped at the end."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import django
import pytest
from django.utils import translation

from chengyun.bench.place import Place, open_place
from chengyun.run.child import Child

SHARED = Path(__file__).resolve().parents[2] / "shared"

_server: Child | None = None
_folder: Path | None = None


def _own_folder() -> Path:
    """Make this run's folder. Tests' folders go there too: those of all runs share one that each run closes to other users,
    and with it to the databases that another run has started as theirs. Its name is short: a socket's path may have 107 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="cy-"))
    folder.chmod(0o755)
    (folder / "t").mkdir()
    os.environ["CHENGYUN_DATA"] = str(folder)
    os.environ["PYTEST_DEBUG_TEMPROOT"] = str(folder / "t")
    return folder


def _start() -> None:
    """Start the database before Django reads its settings."""
    global _server, _folder
    if "CHENGYUN_TEST_DATABASE_URL" in os.environ:
        os.environ["CHENGYUN_DATABASE_URL"] = os.environ["CHENGYUN_TEST_DATABASE_URL"]
        _folder = _own_folder()
        return
    from chengyun.run import db

    _folder = _own_folder()
    pgdata = _folder / "db"
    log = _folder / "log"
    log.mkdir()
    db.prepare(pgdata)
    _server = db.child(pgdata, log)
    _server.start()
    db.wait_ready(pgdata, _server)
    os.environ["CHENGYUN_DATABASE_URL"] = db.url(pgdata)


_start()
# Not in pyproject.toml: pytest-django would read the settings before this file has started the database they name.
os.environ["DJANGO_SETTINGS_MODULE"] = "chengyun.settings"
django.setup()


def _stop() -> None:
    global _server
    if _server is not None:
        _server.ask_to_stop()
        _server.wait_stopped(20)
        _server = None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Leave nothing that the processes of a divided run would inherit: each starts a database of its own."""
    _stop()
    for name in ("CHENGYUN_DATA", "CHENGYUN_DATABASE_URL", "DJANGO_SETTINGS_MODULE"):
        del os.environ[name]


def pytest_unconfigure() -> None:
    _stop()
    if _folder is not None:
        shutil.rmtree(_folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def _own_language() -> Iterator[None]:
    """A test that chooses a language chooses it for itself."""
    yield
    translation.deactivate()


@pytest.fixture(scope="session")
def shared() -> Path:
    """The project's shared folder; the test is skipped where it is not beside the checkout."""
    if not SHARED.exists():
        pytest.skip(f"the shared data folder is not at {SHARED.name}/ beside the checkout")
    return SHARED


@pytest.fixture(scope="session")
def running() -> Iterator[Place]:
    """A whole installation: `chengyun up` on free ports and a folder of its own, with made-up sensors. Shared: kill nothing."""
    with open_place(first=False, env={"CHENGYUN_DEMO": "streams"}) as place:
        yield place
