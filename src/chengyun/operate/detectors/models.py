# SPDX-License-Identifier: Apache-2.0
"""What detectors have learnt, for the process that comes after. The ingest process writes it with SQL of its own (kept.py)."""

from __future__ import annotations

from django.db import models


class Memory(models.Model):
    """Of a rule and an entity. seq: the stream's up to which it has learnt; time: of the newest observation it learnt from."""

    rule = models.CharField(max_length=130)
    entity = models.IntegerField()
    seq = models.BigIntegerField()
    time = models.DateTimeField()
    memory = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["rule", "entity"], name="detectors_memory_once")]
