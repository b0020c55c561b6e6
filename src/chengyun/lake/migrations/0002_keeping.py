# SPDX-License-Identifier: Apache-2.0

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("lake", "0001_books")]

    operations = [
        migrations.CreateModel(
            name="Keeping",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("stream", models.CharField(max_length=130)),
                ("at", models.DateTimeField()),
                ("deed", models.CharField(max_length=20)),
                ("snapshot", models.BigIntegerField()),
                ("rows", models.BigIntegerField()),
                ("actor", models.CharField(max_length=100)),
                ("detail", models.JSONField(default=dict)),
                ("settled_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "lake_keeping",
                "indexes": [models.Index(fields=["stream", "at"], name="lake_keeping_stream")],
            },
        ),
    ]
