# SPDX-License-Identifier: Apache-2.0
"""Django, started once in a process that needs it."""

from __future__ import annotations

import os

from chengyun.config import config


def django(*, unconnected: bool = False) -> None:
    """Start Django with our settings; a second call does nothing. Raises Refused when no database is running.

    unconnected: no database is going to be asked, so none needs to run; for describing models, not for reading rows.
    """
    # Inside the function: the supervisor and the stream process must never load Django.
    import django as framework
    from django.apps import apps

    if apps.ready:
        return
    if unconnected:
        os.environ.setdefault("CHENGYUN_DATABASE_URL", "postgresql:///chengyun")
        config.cache_clear()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chengyun.settings")
    framework.setup()


def static_folder() -> None:
    """Make the folder where files may be collected for a web server in front; an empty one is right, none is warned of."""
    (config().data / "static").mkdir(parents=True, exist_ok=True)
