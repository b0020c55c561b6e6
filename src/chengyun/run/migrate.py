# SPDX-License-Identifier: Apache-2.0
"""Bring the database to what this version of the program expects: tables first, then the rows every city has.

`python -m chengyun.run.migrate` is how the supervisor does it: Django lives in a process that ends. The last line it
prints is one JSON object with what the supervisor must tell the person who started it.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import logging
import sys

from chengyun.errors import Problem, Refused
from chengyun.run import setup

HOOKS = (
    ("chengyun.lake.services", "ensure_tables"),
    ("chengyun.areas.services", "ensure_areas"),
    ("chengyun.access.services", "ensure_organisations"),
    ("chengyun.cases.duties.services", "ensure_duties"),
    ("chengyun.collect.pull.services", "ensure_sources"),
    ("chengyun.protocols.ogc.services", "ensure_layers"),
    ("chengyun.share.exchange.sources", "ensure_horizons"),
    ("chengyun.share.catalogue.sync", "ensure_catalogue"),
    ("chengyun.operate.boards.services", "ensure_boards"),
)
"""Called in this order after the tables are there; each is idempotent and quick when nothing is new."""


def migrate(*, verbosity: int = 0) -> list[str]:
    """Apply what is missing, then call the hooks. Returns the migrations applied, as `app.name`.

    Raises Refused when a newer version of the program has already changed this database.
    """
    setup.django()
    setup.static_folder()
    from django.core.management import call_command
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    loader = executor.loader
    known = set(loader.disk_migrations)
    # A migration squashed away is known under the name of the one that replaced it.
    replaced = {old for migration in loader.disk_migrations.values() for old in migration.replaces}
    unknown = sorted(
        f"{app}.{name}"
        for app, name in loader.applied_migrations
        if app in loader.migrated_apps and (app, name) not in known | replaced
    )
    if unknown:
        raise Refused(
            f"The database was changed by a newer version of chengyun ({unknown[0]}{' and others' if unknown[1:] else ''} "
            "is not known here). Install that version again, or restore a backup made before it.",
            code="database_newer",
        )
    plan = executor.migration_plan(loader.graph.leaf_nodes())
    if plan:
        call_command("migrate", interactive=False, verbosity=verbosity)
    call_command("createcachetable", verbosity=0)
    for module, name in HOOKS:
        hook = getattr(importlib.import_module(module), name, None) if importlib.util.find_spec(module) else None
        if hook is not None:
            hook()
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def _first_sign_in() -> str | None:
    """Return the path of the one-time link that makes the first administrator; None when there is one already."""
    if not importlib.util.find_spec("chengyun.access.services"):
        return None
    link = getattr(importlib.import_module("chengyun.access.services"), "first_sign_in_link", None)
    return link() if link is not None else None


class _Notes(logging.Handler):
    """Keeps our own warnings, for the person who started the city and reads no log."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.sentences: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.sentences.append(record.getMessage())


if __name__ == "__main__":
    notes = _Notes()
    try:
        setup.django()
        logging.getLogger("chengyun").addHandler(notes)
        applied = migrate()
        print(json.dumps({"applied": applied, "first_sign_in": _first_sign_in(), "notes": notes.sentences}))
    except Problem as problem:
        print(json.dumps({"problem": problem.sentence, "code": problem.code}))
        sys.exit(1)
