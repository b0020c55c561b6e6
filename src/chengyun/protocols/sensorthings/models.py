# SPDX-License-Identifier: Apache-2.0
"""What neighbours posted, as tables. They are read and written by SQL (kinds.py names the columns); Django makes them.

Observations carry no foreign keys: a check per row would halve what they take. The row of their Datastream in `Tally` is
locked while they are written and while a Datastream goes, which keeps the two apart.
"""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class _Named(models.Model):
    name = models.TextField()
    description = models.TextField()
    properties = models.JSONField(null=True)

    class Meta:
        abstract = True


class BoxField(models.Field):  # type: ignore[type-arg]  # not generic at run time
    """PostgreSQL's `box`: the rectangle around a geometry, degrees, WGS-84."""

    def db_type(self, connection: object) -> str:  # noqa: ARG002
        return "box"


class Thing(_Named):
    pass


class Feature(_Named):
    encoding_type = models.TextField()
    feature = models.JSONField()
    bounds = BoxField(null=True)


class Location(_Named):
    """generated: the FeatureOfInterest made from this location for Observations that named none."""

    encoding_type = models.TextField()
    location = models.JSONField()
    bounds = BoxField(null=True)
    generated = models.ForeignKey(Feature, models.DO_NOTHING, null=True, db_constraint=False)


class ThingLocation(models.Model):
    thing = models.ForeignKey(Thing, models.CASCADE, db_index=False)
    location = models.ForeignKey(Location, models.CASCADE)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["thing", "location"], name="sensorthings_thing_location")]


class Past(models.Model):
    """Where a Thing was, from a time on: HistoricalLocation."""

    thing = models.ForeignKey(Thing, models.CASCADE, db_index=False)
    time = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["thing", "time"], name="sensorthings_past_time")]


class PastLocation(models.Model):
    past = models.ForeignKey(Past, models.CASCADE, db_index=False)
    location = models.ForeignKey(Location, models.CASCADE)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["past", "location"], name="sensorthings_past_location")]


class Sensor(_Named):
    encoding_type = models.TextField()
    metadata = models.JSONField()


class Property(_Named):
    """ObservedProperty."""

    definition = models.TextField()


class Datastream(_Named):
    """A Datastream, or with `multi` a MultiDatastream, whose units and data types are lists and whose properties are many."""

    multi = models.BooleanField(db_default=False)
    unit_of_measurement = models.JSONField()
    observation_type = models.TextField()
    data_types = models.JSONField(null=True)
    thing = models.ForeignKey(Thing, models.CASCADE)
    sensor = models.ForeignKey(Sensor, models.CASCADE)
    observed_property = models.ForeignKey(Property, models.CASCADE, null=True)


class MultiProperty(models.Model):
    """position: the properties of a MultiDatastream stand in the order of the parts of its results."""

    multi = models.ForeignKey(Datastream, models.CASCADE, db_index=False)
    property = models.ForeignKey(Property, models.CASCADE)
    position = models.IntegerField(db_default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["multi", "property", "position"], name="sensorthings_multi_property")]


class Tally(models.Model):
    """What is known of a Datastream's Observations without reading them, kept in the transaction that writes them."""

    datastream = models.OneToOneField(Datastream, models.CASCADE, primary_key=True)
    observations = models.BigIntegerField(db_default=0)
    phenomenon_start = models.DateTimeField(null=True)
    phenomenon_end = models.DateTimeField(null=True)
    result_time_start = models.DateTimeField(null=True)
    result_time_end = models.DateTimeField(null=True)
    observed = BoxField(null=True)


class FeatureTally(models.Model):
    """How many Observations of a Datastream speak of a FeatureOfInterest: it stands for an index over all of them."""

    datastream = models.ForeignKey(Datastream, models.CASCADE, db_index=False)
    feature = models.ForeignKey(Feature, models.CASCADE)
    observations = models.BigIntegerField(db_default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["datastream", "feature"], name="sensorthings_feature_tally")]


class Observation(models.Model):
    """phenomenon_end: NULL for an instant. number: the result when it is one; otherwise result holds it."""

    datastream = models.ForeignKey(Datastream, models.DO_NOTHING, db_constraint=False, db_index=False)
    feature = models.ForeignKey(Feature, models.DO_NOTHING, db_constraint=False, db_index=False)
    phenomenon_start = models.DateTimeField()
    phenomenon_end = models.DateTimeField(null=True)
    result_time = models.DateTimeField(null=True)
    number = models.FloatField(null=True)
    result = models.JSONField(null=True)
    result_quality = models.JSONField(null=True)
    valid_start = models.DateTimeField(null=True)
    valid_end = models.DateTimeField(null=True)
    parameters = models.JSONField(null=True)

    class Meta:
        indexes = [models.Index(fields=["datastream", "phenomenon_start", "id"], name="sensorthings_observed_at")]


class Outbox(models.Model):
    """What is to be told by MQTT: written with the entity, deleted when the broker has it."""

    kind = models.TextField()
    entity = models.BigIntegerField()
    changed = models.JSONField(null=True)
    created_at = models.DateTimeField(db_default=Now())


class Source(models.Model):
    """Which number a register or stream of the city has in the ids of what is shown of it. Given once, never changed."""

    dataset = models.TextField(unique=True)
