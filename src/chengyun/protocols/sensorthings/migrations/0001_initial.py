# SPDX-License-Identifier: Apache-2.0

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

import chengyun.protocols.sensorthings.models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Datastream",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.TextField()),
                ("description", models.TextField()),
                ("properties", models.JSONField(null=True)),
                ("multi", models.BooleanField(db_default=False)),
                ("unit_of_measurement", models.JSONField()),
                ("observation_type", models.TextField()),
                ("data_types", models.JSONField(null=True)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Feature",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.TextField()),
                ("description", models.TextField()),
                ("properties", models.JSONField(null=True)),
                ("encoding_type", models.TextField()),
                ("feature", models.JSONField()),
                ("bounds", chengyun.protocols.sensorthings.models.BoxField(null=True)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Outbox",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.TextField()),
                ("entity", models.BigIntegerField()),
                ("changed", models.JSONField(null=True)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.CreateModel(
            name="Property",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.TextField()),
                ("description", models.TextField()),
                ("properties", models.JSONField(null=True)),
                ("definition", models.TextField()),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Sensor",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.TextField()),
                ("description", models.TextField()),
                ("properties", models.JSONField(null=True)),
                ("encoding_type", models.TextField()),
                ("metadata", models.JSONField()),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Thing",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.TextField()),
                ("description", models.TextField()),
                ("properties", models.JSONField(null=True)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Tally",
            fields=[
                (
                    "datastream",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        serialize=False,
                        to="sensorthings.datastream",
                    ),
                ),
                ("observations", models.BigIntegerField(db_default=0)),
                ("phenomenon_start", models.DateTimeField(null=True)),
                ("phenomenon_end", models.DateTimeField(null=True)),
                ("result_time_start", models.DateTimeField(null=True)),
                ("result_time_end", models.DateTimeField(null=True)),
                ("observed", chengyun.protocols.sensorthings.models.BoxField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Location",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.TextField()),
                ("description", models.TextField()),
                ("properties", models.JSONField(null=True)),
                ("encoding_type", models.TextField()),
                ("location", models.JSONField()),
                ("bounds", chengyun.protocols.sensorthings.models.BoxField(null=True)),
                (
                    "generated",
                    models.ForeignKey(
                        db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, to="sensorthings.feature"
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.AddField(
            model_name="datastream",
            name="observed_property",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, to="sensorthings.property"),
        ),
        migrations.AddField(
            model_name="datastream",
            name="sensor",
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="sensorthings.sensor"),
        ),
        migrations.CreateModel(
            name="Past",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("time", models.DateTimeField()),
                (
                    "thing",
                    models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, to="sensorthings.thing"),
                ),
            ],
        ),
        migrations.AddField(
            model_name="datastream",
            name="thing",
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="sensorthings.thing"),
        ),
        migrations.CreateModel(
            name="ThingLocation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("location", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="sensorthings.location")),
                (
                    "thing",
                    models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, to="sensorthings.thing"),
                ),
            ],
        ),
        migrations.CreateModel(
            name="FeatureTally",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("observations", models.BigIntegerField(db_default=0)),
                (
                    "datastream",
                    models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, to="sensorthings.datastream"),
                ),
                ("feature", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="sensorthings.feature")),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("datastream", "feature"), name="sensorthings_feature_tally")],
            },
        ),
        migrations.CreateModel(
            name="Observation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("phenomenon_start", models.DateTimeField()),
                ("phenomenon_end", models.DateTimeField(null=True)),
                ("result_time", models.DateTimeField(null=True)),
                ("number", models.FloatField(null=True)),
                ("result", models.JSONField(null=True)),
                ("result_quality", models.JSONField(null=True)),
                ("valid_start", models.DateTimeField(null=True)),
                ("valid_end", models.DateTimeField(null=True)),
                ("parameters", models.JSONField(null=True)),
                (
                    "datastream",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        to="sensorthings.datastream",
                    ),
                ),
                (
                    "feature",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        to="sensorthings.feature",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["datastream", "phenomenon_start", "id"], name="sensorthings_observed_at")],
            },
        ),
        migrations.CreateModel(
            name="PastLocation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("location", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="sensorthings.location")),
                ("past", models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, to="sensorthings.past")),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("past", "location"), name="sensorthings_past_location")],
            },
        ),
        migrations.CreateModel(
            name="MultiProperty",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("position", models.IntegerField(db_default=0)),
                (
                    "multi",
                    models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, to="sensorthings.datastream"),
                ),
                ("property", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="sensorthings.property")),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("multi", "property", "position"), name="sensorthings_multi_property")
                ],
            },
        ),
        migrations.AddIndex(
            model_name="past",
            index=models.Index(fields=["thing", "time"], name="sensorthings_past_time"),
        ),
        migrations.AddConstraint(
            model_name="thinglocation",
            constraint=models.UniqueConstraint(fields=("thing", "location"), name="sensorthings_thing_location"),
        ),
        # Rows that change with every write keep room beside them, so that a new version needs no new index entries.
        migrations.RunSQL(
            "ALTER SEQUENCE sensorthings_observation_id_seq INCREMENT BY 10000;"
            "ALTER TABLE sensorthings_tally SET (fillfactor = 50); ALTER TABLE sensorthings_featuretally SET (fillfactor = 50);"
            "CREATE INDEX sensorthings_location_bounds ON sensorthings_location USING gist (bounds);"
            "CREATE INDEX sensorthings_feature_bounds ON sensorthings_feature USING gist (bounds);",
            migrations.RunSQL.noop,
        ),
    ]
