# SPDX-License-Identifier: Apache-2.0
"""Django, started once in a process that needs it."""

from __future__ import annotations

import os


def django() -> None:
    """Start Django with our settings; a second call does nothing. Raises Refused when no database is running."""
    # Inside the function: the supervisor and the stream process must never load Django.
    import django as framework
    from django.apps import apps

    if apps.ready:
        return
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chengyun.settings")
    framework.setup()
