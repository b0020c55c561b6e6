# SPDX-License-Identifier: Apache-2.0
"""The lake's books: where each stream stands, its chunks, what was received, which days were touched."""

from __future__ import annotations

from django.db import models


class Stream(models.Model):
    """Where a stream stands. Its row is the lock of the stream's writers, so seq order is commit order."""

    stream = models.CharField(max_length=130, primary_key=True)
    next_seq = models.BigIntegerField(default=1)
    chunk = models.IntegerField(default=1)
    """The open chunk: where new rows go."""
    shape = models.JSONField(null=True)
    """The fields as its tables have them, with the units their values are in (see shape.py); null: never written down."""
    sealing_fault = models.TextField(null=True)
    """Why the last sealing did not come about; null: it did."""
    renewed_seq = models.BigIntegerField(null=True)
    """The seq before which the newest rows were last made anew as a whole: what knows them from before reads all of them.
    null: never."""

    class Meta:
        db_table = "lake_stream"


class Chunk(models.Model):
    """A hot table: open, then closed, then sealed (its rows are in the sealed table), then dropped."""

    stream = models.CharField(max_length=130)
    chunk = models.IntegerField()
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    sealed_at = models.DateTimeField(null=True)
    dropped_at = models.DateTimeField(null=True)
    seq_from = models.BigIntegerField()
    """The first seq that can be in it."""
    seq_to = models.BigIntegerField(null=True)
    """The last seq that can be in it; known when it is closed."""
    rows = models.BigIntegerField(null=True)
    """How many rows it had when sealed."""
    duplicates = models.BigIntegerField(null=True)
    """How many of them repeated the version before them and were left out."""
    snapshot = models.BigIntegerField(null=True)
    """The Iceberg snapshot that took its rows in."""

    class Meta:
        db_table = "lake_chunk"
        constraints = [models.UniqueConstraint(fields=["stream", "chunk"], name="lake_chunk_once")]


class Receipt(models.Model):
    """A request whose observations are durable: who sent which seqs, and the answer given."""

    stream = models.CharField(max_length=130)
    seq_from = models.BigIntegerField()
    seq_to = models.BigIntegerField()
    """Inclusive; below seq_from when nothing was accepted."""
    received_at = models.DateTimeField()
    actor = models.CharField(max_length=200)
    source = models.CharField(max_length=200, blank=True, default="")
    idempotency_key = models.CharField(max_length=200, null=True, unique=True)
    response = models.BinaryField()

    class Meta:
        db_table = "lake_receipt"
        indexes = [models.Index(fields=["stream", "seq_to"], name="lake_receipt_seq")]


class Touched(models.Model):
    """A local day of a stream that has new rows: seq is the newest of them."""

    stream = models.CharField(max_length=130)
    day = models.DateField()
    seq = models.BigIntegerField()

    class Meta:
        db_table = "lake_touched"
        constraints = [models.UniqueConstraint(fields=["stream", "day"], name="lake_touched_once")]
        indexes = [models.Index(fields=["stream", "seq"], name="lake_touched_seq")]


class Keeping(models.Model):
    """What was taken out of a sealed table, or brought back, other than by sealing. Written once, then only settled."""

    stream = models.CharField(max_length=130)
    at = models.DateTimeField()
    deed = models.CharField(max_length=20)
    """"retired": months older than the stream is kept; "restored": the table as an earlier snapshot had it; "moved": files
    that lie elsewhere."""
    snapshot = models.BigIntegerField()
    """The snapshot made by it."""
    rows = models.BigIntegerField()
    """How many rows the table gained; below zero for what went."""
    actor = models.CharField(max_length=100)
    detail = models.JSONField(default=dict)
    settled_at = models.DateTimeField(null=True)
    """When what follows from it was done: the newest rows read anew, the days noted."""

    class Meta:
        db_table = "lake_keeping"
        indexes = [models.Index(fields=["stream", "at"], name="lake_keeping_stream")]
