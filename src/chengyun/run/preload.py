# SPDX-License-Identifier: Apache-2.0
"""What `web`, `stream`, `protocols` and `jobs` have in memory, loaded once in the zygote for all of them.

More than each of them needs: what is shared costs nothing a second time, and what one of them would load later for itself
costs it again. No program itself is here, only what programs load: each is run as `python -m` runs it.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module

from chengyun.run import setup

MODULES = (
    "granian", "uvloop", "chengyun.web.wsgi", "chengyun.protocols.server", "chengyun.collect.asgi",
    *(f"chengyun.protocols.{door}.door" for door in ("sensorthings", "ngsild", "ogc", "open311", "exchange")),
    "pyarrow.parquet", "pyiceberg.catalog.sql", "pyiceberg.io.pyarrow", "shapely",
)  # fmt: skip
"""Without DuckDB, which is small, and which fills the log with what it calls leaks when a process ends that froze it."""
THREADS = "OPENBLAS_NUM_THREADS"
"""Numpy's library for matrices starts them as it is loaded; what is forked does its sums in one."""


def load() -> None:
    """Load Django, the packs and the libraries. Nothing is connected to, and no thread is started."""
    given = os.environ.get(THREADS)
    os.environ[THREADS] = "1"
    arrow_without_pandas()
    setup.django()
    setup.static_folder()
    for name in MODULES:
        import_module(name)
    _fill_caches()
    # Commands started by what is forked have their own say.
    del os.environ[THREADS]
    if given is not None:
        os.environ[THREADS] = given


def _fill_caches() -> None:
    """Make now what Django makes at the first request: addresses and what is said in each language."""
    from django.conf import settings
    from django.urls import get_resolver, reverse
    from django.utils.translation import gettext, override

    reverse("account_login")
    get_resolver().url_patterns  # noqa: B018
    for language, _ in settings.LANGUAGES:
        with override(language):
            gettext("城运")


class _Without:
    """A finder of modules that finds one not to be there."""

    def __init__(self, name: str) -> None:
        self.name = name

    def find_spec(self, name: str, *_: object) -> None:
        if name == self.name:
            raise ImportError(f"{name} is not loaded here")


def arrow_without_pandas() -> None:
    """Load pyarrow in such a way that it does not load pandas, which it looks for once and which takes 40 MB for nothing here.

    Whoever needs pandas itself still gets it; pyarrow's own to_pandas then refuses.
    """
    finder = _Without("pandas")
    sys.meta_path.insert(0, finder)
    try:
        import pyarrow as pa

        pa.array([0])  # the first conversion is where it looks
    finally:
        sys.meta_path.remove(finder)
