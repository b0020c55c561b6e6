# SPDX-License-Identifier: Apache-2.0
"""Hints in the language of whoever reads them; `errors.nearest` says the same to programs and at the command line."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext as _

from chengyun.errors import closest


def meant(word: str, known: Iterable[str]) -> str:
    """Return a hint naming the nearest known word, for the end of a sentence, or an empty string."""
    return _("您是否想写“%s”？") % found if (found := closest(word, known)) else ""
