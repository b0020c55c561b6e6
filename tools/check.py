# SPDX-License-Identifier: Apache-2.0
"""What no linter knows: migrations in step, reference fresh, settings documented, nothing of one machine in the files.

Every fault is listed, one line each; exit code 1 when there is one. No database needs to run.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from chengyun.run import setup

ROOT = Path(__file__).resolve().parents[1]
BELONGS_TO_ONE_MACHINE = re.compile(
    r"(?<![\w.])/(?:work|root|home/\w+|Users/\w+)/"  # paths
    r"|\bregistry\.[a-z]|\b(?:pypi|npm)[\w-]*\.(?:org|com|cn)/simple|pythonhosted|\bnexus\.|\bartifactory\b"  # package registries
    r"|\"resolved\": \"http",
)
ALLOWED = {"tools/check.py"}


def main() -> int:
    setup.django(unconnected=True)
    faults = [*_migrations(), *_reference(), *_settings(), *_files()]
    print("\n".join(faults) or "ok: migrations, reference, settings, files")
    return 1 if faults else 0


def _migrations() -> Iterator[str]:
    from django.apps import apps
    from django.db.migrations.autodetector import MigrationAutodetector
    from django.db.migrations.loader import MigrationLoader
    from django.db.migrations.state import ProjectState
    from django.utils.translation import deactivate_all

    deactivate_all()  # as makemigrations does: names are compared as they stand in the source
    loader = MigrationLoader(None)
    for app, names in loader.detect_conflicts().items():
        yield f"{app}: migrations {' and '.join(sorted(names))} both come last. Merge them."
    changes = MigrationAutodetector(loader.project_state(), ProjectState.from_apps(apps)).changes(graph=loader.graph)
    for app, migrations in changes.items():
        if apps.get_app_config(app).name.startswith("chengyun."):
            what = "; ".join(operation.describe() for migration in migrations for operation in migration.operations)
            yield f"{app}: models.py says what no migration does yet ({what}). Make a migration."


def _reference() -> Iterator[str]:
    from django.conf import settings

    from chengyun.run.reference import pages

    folder = ROOT / "docs" / "reference"
    wanted = pages(settings.CITY)
    for name, text in wanted.items():
        if not (folder / name).exists() or (folder / name).read_text(encoding="utf-8") != text:
            yield f"docs/reference/{name} is not what the declarations say. Run `chengyun reference`."
    for file in sorted(folder.rglob("*.md")):
        if str(file.relative_to(folder)) not in wanted:
            yield f"{file.relative_to(ROOT)} is about nothing that is declared. Remove it."


def _settings() -> Iterator[str]:
    """Every setting the program reads is explained at the top of config.py, or of the one module that reads it."""
    table = ast.get_docstring(ast.parse((ROOT / "src/chengyun/config.py").read_text(encoding="utf-8"))) or ""
    read: set[str] = set()
    for file in sorted((ROOT / "src").rglob("*.py")):
        text = file.read_text(encoding="utf-8")
        names = set(re.findall(r"[\"'](CHENGYUN_[A-Z_]+)[\"']", text))
        explained = (ast.get_docstring(ast.parse(text)) or "") + table
        for name in sorted(name for name in names if not re.search(rf"\b{name}\b", explained)):
            yield f"{file.relative_to(ROOT)}: {name} is read, but no table explains it. Add it to chengyun/config.py."
        read |= names
    for name in sorted(set(re.findall(r"CHENGYUN_[A-Z_]+", table)) - read):
        yield f"{name} stands in the table of chengyun/config.py, but nothing reads it."


def _files() -> Iterator[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        file = ROOT / name
        try:
            text = file.read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            continue
        if name.endswith(".py") and text.strip() and not text.startswith("# SPDX-License-Identifier: Apache-2.0\n"):
            yield f"{name}:1: the licence line `# SPDX-License-Identifier: Apache-2.0` is missing."
        if name in ALLOWED:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if found := BELONGS_TO_ONE_MACHINE.search(line):
                yield f"{name}:{number}: {found[0]!r} belongs to one machine or one registry."


if __name__ == "__main__":
    sys.exit(main())
