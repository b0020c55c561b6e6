# SPDX-License-Identifier: Apache-2.0
"""What others are still to be told of runs, and up to which day it has been put down.

Waiting      an event, written in the transaction of what it tells of, gone once it is handed over
Noted        up to which local day something was put down as events
"""

from __future__ import annotations

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models.functions import Now


class Waiting(models.Model):
    """An OpenLineage event that nobody has taken yet."""

    event = models.JSONField(encoder=DjangoJSONEncoder)
    made_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return str(self.event["job"]["name"])


class Noted(models.Model):
    """until: the first local day that is not put down yet."""

    what = models.CharField(max_length=16, primary_key=True)
    until = models.DateField()

    def __str__(self) -> str:
        return f"{self.what} {self.until}"
