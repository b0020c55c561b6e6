# SPDX-License-Identifier: Apache-2.0
import django.contrib.postgres.fields
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("registers", "0002_failed"),
    ]

    operations = [
        migrations.CreateModel(
            name="Season",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("dataset", models.CharField(max_length=130)),
                ("key", models.CharField(max_length=200)),
                ("of", models.CharField(max_length=64)),
                (
                    "values",
                    django.contrib.postgres.fields.ArrayField(base_field=models.FloatField(), size=None),
                ),
                ("made_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "ordering": ["dataset", "key"],
                "constraints": [models.UniqueConstraint(fields=("dataset", "key"), name="registers_season_once")],
            },
        ),
    ]
