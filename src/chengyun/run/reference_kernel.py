# SPDX-License-Identifier: Apache-2.0
"""The kernel's pages of the reference: who may do and read what, and every setting."""

from __future__ import annotations

import chengyun.config
from chengyun.access.rulebook import FILE, Reading, Rulebook, read_rulebook
from chengyun.city import City
from chengyun.run.markdown import table

ROWS = {"all": "all rows", "own_area": "rows of the areas of their posts", "open_subjects": "rows about open datasets"}


def access_page(city: City) -> str:
    """Return who may do what, and which readings speak of which dataset."""
    rules = read_rulebook(FILE, city)
    actions = [[f"`{key}`", name, _roles(roles)] for key, (name, roles) in sorted(rules.actions.items())]
    parts = [
        "# Access",
        "Written by `chengyun reference` from `access/policy.toml` and what packs declare; change those, not this page. "
        "What stands nowhere here is not allowed.",
        "## Actions",
        table(["key", "name", "roles"], actions),
        "## Readings",
        "A reading lets its roles see rows of the datasets it speaks of; every one that fits adds its rows.",
        table(
            ["reading", "roles", "rows", "hidden fields"],
            [[it.name, _roles(roles), _rows(it), ", ".join(it.hidden) or "–"] for it, roles in rules.readings],
        ),
        "## Datasets",
        table(["dataset", "name", "kind", "about persons", "masks", "read under"], _datasets(rules)),
        "## Purposes",
        table(["key", "name"], [[f"`{key}`", name] for key, name in rules.purposes.items()]),
    ]
    return "\n\n".join(parts) + "\n"


def settings_page() -> str:
    """Return every setting of an installation, as the table at the top of config.py has them."""
    rows = [line for line in (chengyun.config.__doc__ or "").splitlines() if line.startswith("|")]
    said = "Environment variables, read once when a process starts. Written by `chengyun reference` from `chengyun/config.py`."
    return "\n\n".join(["# Settings", said, "\n".join(rows)]) + "\n"


def _datasets(rules: Rulebook) -> list[list[str]]:
    rows = []
    for key, facts in rules.datasets.items():
        masks = ", ".join(f"{name}: {mask}" for name, mask in facts.masks.items()) or "–"
        fits = "; ".join(reading.name for reading, _ in rules.readings if reading.fits(facts)) or "nobody"
        rows.append([f"`{key}`", facts.name, facts.kind, "yes" if facts.personal else "no", masks, fits])
    return rows


def _rows(reading: Reading) -> str:
    return ROWS[reading.rows] + (", of datasets their body owns" if reading.owner else "")


def _roles(roles: frozenset[str]) -> str:
    return ", ".join(sorted(roles))
