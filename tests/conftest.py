# SPDX-License-Identifier: Apache-2.0
"""Every test runs on a real embedded PostgreSQL in a folder of its own, started once and stopped at the end."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import django
import psycopg
import pytest
from django.apps import apps
from django.core.management.commands import flush
from django.core.management.sql import sql_flush as django_sql_flush
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import translation
from hypothesis import HealthCheck, settings

from chengyun.bench.place import Place, open_place
from chengyun.run.child import Child

sys.path.insert(0, str(Path(__file__).parent))  # importlib mode gives tests no folder of their own
from order import turn_of, unit_of

sys.path.pop(0)  # its folders are called like packages of others

settings.register_profile("city", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("city")  # how long a machine takes shows nothing of what is tested

SHARED = Path(__file__).resolve().parents[2] / "shared"

UNSAFE = "fsync = off\nfull_page_writes = off\n"
"""For the server the tests share, which goes with the run. What must outlive a crash is tested on whole installations."""

_server: Child | None = None
_folder: Path | None = None
_places: str | None = None


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
    with open(pgdata / "postgresql.auto.conf", "a") as conf:
        conf.write(UNSAFE)
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
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Give out units of work in their order (order.py), each whole to one process."""
    from xdist.scheduler import LoadFileScheduling

    class InOrder(LoadFileScheduling):  # type: ignore[misc]  # it has no types
        def _split_scope(self, nodeid: str) -> str:
            return unit_of(nodeid)

    config.option.loadscopereorder = False
    return InOrder(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of a divided run into the order of their units; within one they stay as they are."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=lambda item: turn_of(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Leave nothing that the processes of a divided run would inherit: each starts a database of its own."""
    _stop()
    for name in ("CHENGYUN_DATA", "CHENGYUN_DATABASE_URL", "DJANGO_SETTINGS_MODULE"):
        del os.environ[name]
    global _places
    _places = os.environ["CHENGYUN_TEST_PLACES"] = tempfile.mkdtemp(prefix="chengyun-place-")


def pytest_unconfigure() -> None:
    _stop()
    for folder in (_folder, _places):
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def _own_language() -> Iterator[None]:
    """A test that chooses a language chooses it for itself."""
    yield
    translation.deactivate()


@pytest.fixture(autouse=True)
def _own_content_types() -> Iterator[None]:
    """What a test made and took back is not remembered: Django keeps the numbers of content types for the whole process."""
    yield
    if apps.ready:
        from django.contrib.contenttypes.models import ContentType

        ContentType.objects.clear_cache()


@pytest.fixture(scope="session", autouse=True)
def _empty_what_is_full() -> Iterator[None]:
    """After a test that commits, only tables with rows are emptied: Django's way makes the files of all 500 anew each time."""
    with pytest.MonkeyPatch.context() as patch:
        if _server is not None:  # on another server we may not be the one who may
            patch.setattr(flush, "sql_flush", sql_flush)
        yield


KEPT_BY_TRIGGERS = ("cases_words",)
"""Tables that no model has, and that a trigger empties with the table they belong to."""


def sql_flush(
    style: object, connection: BaseDatabaseWrapper, reset_sequences: bool = True, allow_cascade: bool = False
) -> list[str]:
    """Return what empties the tables of Django's models, as its own sql_flush does."""
    if allow_cascade:
        return list(django_sql_flush(style, connection, reset_sequences, allow_cascade))
    tables = [*connection.introspection.django_table_names(only_existing=True, include_views=False), *KEPT_BY_TRIGGERS]
    names = {table: connection.ops.quote_name(table) for table in tables}
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(f"SELECT '{one}' WHERE EXISTS (SELECT FROM {quoted})" for one, quoted in names.items()))
        full = [names[table] for (table,) in cursor.fetchall()]
    # Neither triggers, which keep records from being deleted, nor references are asked: everything goes.
    return ["SET LOCAL session_replication_role = replica", *(f"DELETE FROM {name}" for name in full)] if full else []


@pytest.fixture(scope="session")
def shared() -> Path:
    """The project's shared folder; the test is skipped where it is not beside the checkout."""
    if not SHARED.exists():
        pytest.skip(f"the shared data folder is not at {SHARED.name}/ beside the checkout")
    return SHARED


@pytest.fixture(scope="session")
def city_database() -> Iterator[Callable[[str], str]]:
    """city_database("test_collect") makes a database as an installation's is and returns its address; it goes with the run."""
    above = os.environ["CHENGYUN_DATABASE_URL"]
    template, made = "city_template", list[str]()

    def make(name: str, like: str = "template0") -> str:
        with psycopg.connect(above, autocommit=True) as conn:
            conn.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            conn.execute(f"CREATE DATABASE {name} TEMPLATE {like}")
        made.append(name)
        return urlsplit(above)._replace(path=f"/{name}").geturl()

    def copy(name: str) -> str:
        # Bringing one up to date takes ten seconds of a processor, a copy less than one.
        if template not in made:
            env = os.environ | {"CHENGYUN_DATABASE_URL": make(template)}
            done = subprocess.run([sys.executable, "-m", "chengyun.run.migrate"], env=env, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
        return make(name, template)

    yield copy
    with psycopg.connect(above, autocommit=True) as conn:
        for name in made:
            conn.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def running() -> Iterator[Place]:
    """A whole installation: `chengyun up` on free ports and a folder of its own, with made-up sensors. Shared: kill nothing."""
    with open_place(first=False, env={"CHENGYUN_DEMO": "streams"}) as place:
        yield place
