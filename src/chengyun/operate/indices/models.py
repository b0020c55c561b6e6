# SPDX-License-Identifier: Apache-2.0
"""How far the notes of new rows have been read."""

from __future__ import annotations

from django.db import models


class Taken(models.Model):
    """The newest seq of a stream when the notes of its touched days were last taken, none left behind.

    Rows up to it are in figures or in windows that were due before; so a window that becomes due now has only newer rows to
    follow, and an indicator whose hours stand by themselves is computed for theirs alone.
    """

    stream = models.CharField(max_length=130, primary_key=True)
    seq = models.BigIntegerField()
