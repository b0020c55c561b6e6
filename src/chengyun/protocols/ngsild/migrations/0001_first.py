# SPDX-License-Identifier: Apache-2.0

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Context",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("context_id", models.UUIDField(unique=True)),
                ("url", models.TextField(unique=True)),
                ("kind", models.CharField(max_length=20)),
                ("body", models.JSONField()),
                ("created_at", models.DateTimeField()),
                ("last_usage", models.DateTimeField(null=True)),
                ("hits", models.BigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="Entity",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("tenant", models.CharField(default="", max_length=64)),
                ("entity_id", models.TextField()),
                ("types", django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), size=None)),
                ("scopes", django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), default=list, size=None)),
                ("attributes", models.JSONField()),
                ("area_code", models.CharField(default="", max_length=12)),
                ("created_at", models.DateTimeField()),
                ("modified_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [
                    django.contrib.postgres.indexes.GinIndex(fields=["types"], name="ngsild_entity_types"),
                    django.contrib.postgres.indexes.GinIndex(
                        fields=["attributes"], name="ngsild_entity_values", opclasses=["jsonb_path_ops"]
                    ),
                ],
                "constraints": [models.UniqueConstraint(fields=("tenant", "entity_id"), name="ngsild_entity_one")],
            },
        ),
        migrations.CreateModel(
            name="History",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("tenant", models.CharField(default="", max_length=64)),
                ("entity_id", models.TextField()),
                ("types", django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), size=None)),
                ("scopes", django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), default=list, size=None)),
                ("area_code", models.CharField(default="", max_length=12)),
                ("created_at", models.DateTimeField()),
                ("modified_at", models.DateTimeField()),
                ("deleted_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [django.contrib.postgres.indexes.GinIndex(fields=["types"], name="ngsild_history_types")],
                "constraints": [models.UniqueConstraint(fields=("tenant", "entity_id"), name="ngsild_history_one")],
            },
        ),
        migrations.CreateModel(
            name="Registration",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("tenant", models.CharField(default="", max_length=64)),
                ("registration_id", models.TextField()),
                ("kind", models.CharField(default="registration", max_length=12)),
                ("document", models.JSONField()),
                ("created_at", models.DateTimeField()),
                ("modified_at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("tenant", "kind", "registration_id"), name="ngsild_registration_one")
                ],
            },
        ),
        migrations.CreateModel(
            name="Subscription",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("tenant", models.CharField(default="", max_length=64)),
                ("subscription_id", models.TextField()),
                ("document", models.JSONField()),
                ("context", models.JSONField()),
                ("types", django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), null=True, size=None)),
                ("owner", models.JSONField(default=dict)),
                ("active", models.BooleanField(default=True)),
                ("expires_at", models.DateTimeField(null=True)),
                ("every_s", models.FloatField(null=True)),
                ("throttling_s", models.FloatField(default=0)),
                ("created_at", models.DateTimeField()),
                ("modified_at", models.DateTimeField()),
                ("due_at", models.DateTimeField(null=True)),
                ("not_before", models.DateTimeField(null=True)),
                ("leased_until", models.DateTimeField(null=True)),
                ("times_sent", models.BigIntegerField(default=0)),
                ("times_failed", models.BigIntegerField(default=0)),
                ("last_notification", models.DateTimeField(null=True)),
                ("last_success", models.DateTimeField(null=True)),
                ("last_failure", models.DateTimeField(null=True)),
                ("failures", models.IntegerField(default=0)),
            ],
            options={
                "indexes": [
                    models.Index(condition=models.Q(("due_at__isnull", False)), fields=["due_at"], name="ngsild_subscription_due")
                ],
                "constraints": [models.UniqueConstraint(fields=("tenant", "subscription_id"), name="ngsild_subscription_one")],
            },
        ),
        migrations.CreateModel(
            name="HistoryInstance",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.TextField()),
                ("instance_id", models.UUIDField(unique=True)),
                ("instance", models.JSONField()),
                ("observed_at", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField()),
                ("modified_at", models.DateTimeField()),
                ("deleted_at", models.DateTimeField(null=True)),
                ("history", models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, to="ngsild.history")),
            ],
            options={
                "indexes": [
                    models.Index(fields=["history", "name", "observed_at"], name="ngsild_instance_observed"),
                    models.Index(fields=["history", "name", "modified_at"], name="ngsild_instance_modified"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Notification",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("notification_id", models.UUIDField(unique=True)),
                ("created_at", models.DateTimeField()),
                ("entities", models.JSONField()),
                ("state", models.CharField(default="waiting", max_length=8)),
                ("attempts", models.IntegerField(default=0)),
                ("reason", models.TextField(default="")),
                ("subscription", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="ngsild.subscription")),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "waiting")),
                        fields=["subscription", "id"],
                        name="ngsild_notification_waiting",
                    ),
                    models.Index(condition=models.Q(("state", "dead")), fields=["created_at"], name="ngsild_notification_dead"),
                ],
            },
        ),
    ]
