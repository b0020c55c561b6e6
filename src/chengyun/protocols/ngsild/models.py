# SPDX-License-Identifier: Apache-2.0
"""Where NGSI-LD entities, their history, subscriptions and notifications stand. Written with SQL by the protocols process.

tenant: "" is the city's own; NGSILD-Tenant names others, which keep entities of the same id apart.
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models


class Entity(models.Model):
    """One entity as it is now. attributes: {IRI: [instance, …]}, as documents.py describes."""

    tenant = models.CharField(max_length=64, default="")
    entity_id = models.TextField()
    types = ArrayField(models.TextField())
    scopes = ArrayField(models.TextField(), default=list)
    attributes = models.JSONField()
    area_code = models.CharField(max_length=12, default="")
    created_at = models.DateTimeField()
    modified_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "entity_id"], name="ngsild_entity_one")]
        indexes = [
            GinIndex(fields=["types"], name="ngsild_entity_types"),
            GinIndex(fields=["attributes"], opclasses=["jsonb_path_ops"], name="ngsild_entity_values"),
        ]


class Place(models.Model):
    """A geometry of an entity. Its column `box`, which finds candidates, is a type Django does not know: see the migration."""

    entity = models.ForeignKey(Entity, on_delete=models.CASCADE, db_index=False)
    name = models.TextField()
    geometry = models.JSONField()


class History(models.Model):
    """One entity over time: its head. The instances stand in HistoryInstance."""

    tenant = models.CharField(max_length=64, default="")
    entity_id = models.TextField()
    types = ArrayField(models.TextField())
    scopes = ArrayField(models.TextField(), default=list)
    area_code = models.CharField(max_length=12, default="")
    created_at = models.DateTimeField()
    modified_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "entity_id"], name="ngsild_history_one")]
        indexes = [GinIndex(fields=["types"], name="ngsild_history_types")]


class HistoryInstance(models.Model):
    """One value an attribute had. observed_at: when it was so; null where the sender did not say."""

    history = models.ForeignKey(History, on_delete=models.CASCADE, db_index=False)
    name = models.TextField()
    instance_id = models.UUIDField(unique=True)
    instance = models.JSONField()
    observed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    modified_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["history", "name", "observed_at"], name="ngsild_instance_observed"),
            models.Index(fields=["history", "name", "modified_at"], name="ngsild_instance_modified"),
        ]


class Subscription(models.Model):
    """Who wants to hear of what. document: as sent, names expanded. types: null, any type."""

    tenant = models.CharField(max_length=64, default="")
    subscription_id = models.TextField()
    document = models.JSONField()
    context = models.JSONField()
    """What stood under @context when it came; notifications are worded with it."""
    types = ArrayField(models.TextField(), null=True)
    owner = models.JSONField(default=dict)
    """Who made it, as far as what they may read: area prefixes; [""], the whole city."""
    active = models.BooleanField(default=True)
    expires_at = models.DateTimeField(null=True)
    every_s = models.FloatField(null=True)
    throttling_s = models.FloatField(default=0)
    created_at = models.DateTimeField()
    modified_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True)
    """When the next periodic notification is made."""
    not_before = models.DateTimeField(null=True)
    """No delivery is tried before this: throttling, or back-off after a failure."""
    leased_until = models.DateTimeField(null=True)
    times_sent = models.BigIntegerField(default=0)
    times_failed = models.BigIntegerField(default=0)
    last_notification = models.DateTimeField(null=True)
    last_success = models.DateTimeField(null=True)
    last_failure = models.DateTimeField(null=True)
    failures = models.IntegerField(default=0)
    """Failures in a row."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "subscription_id"], name="ngsild_subscription_one")]
        indexes = [models.Index(fields=["due_at"], name="ngsild_subscription_due", condition=models.Q(due_at__isnull=False))]


class Notification(models.Model):
    """The outbox: what a subscriber is to hear, written with the change itself and kept until it was delivered.

    entities: what changed, as kept. state: waiting, or dead (given up, with the reason).
    """

    notification_id = models.UUIDField(unique=True)
    subscription = models.ForeignKey(Subscription, on_delete=models.CASCADE)
    created_at = models.DateTimeField()
    entities = models.JSONField()
    state = models.CharField(max_length=8, default="waiting")
    attempts = models.IntegerField(default=0)
    reason = models.TextField(default="")

    class Meta:
        indexes = [
            models.Index(fields=["subscription", "id"], name="ngsild_notification_waiting", condition=models.Q(state="waiting")),
            models.Index(fields=["created_at"], name="ngsild_notification_dead", condition=models.Q(state="dead")),
        ]


class Context(models.Model):
    """A @context kept here. kind: Hosted (somebody put it here), Cached (fetched), ImplicitlyCreated (for a Link header)."""

    context_id = models.UUIDField(unique=True)
    url = models.TextField(unique=True)
    kind = models.CharField(max_length=20)
    body = models.JSONField()
    created_at = models.DateTimeField()
    last_usage = models.DateTimeField(null=True)
    hits = models.BigIntegerField(default=0)


class Registration(models.Model):
    """A context source as registered: told to whoever asks, and asked (sources.py)."""

    tenant = models.CharField(max_length=64, default="")
    registration_id = models.TextField()
    kind = models.CharField(max_length=12, default="registration")
    document = models.JSONField()
    created_at = models.DateTimeField()
    modified_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "kind", "registration_id"], name="ngsild_registration_one"),
        ]
