# SPDX-License-Identifier: Apache-2.0

import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("exchange", "0006_days"),
    ]

    operations = [
        migrations.CreateModel(
            name="Order",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("dataset", models.CharField(max_length=128)),
                ("purpose", models.CharField(max_length=32)),
                ("key_version", models.IntegerField()),
                ("complete_to", models.BigIntegerField(default=-1)),
                ("used_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "ordering": ["id"],
                "constraints": [
                    models.UniqueConstraint(fields=("dataset", "purpose", "key_version"), name="exchange_order_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="Place",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "order_id", "place", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("order_id", models.IntegerField()),
                ("place", models.BinaryField()),
                ("row_id", models.BigIntegerField()),
            ],
        ),
    ]
