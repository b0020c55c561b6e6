# SPDX-License-Identifier: Apache-2.0
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Memory",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("rule", models.CharField(max_length=130)),
                ("entity", models.IntegerField()),
                ("seq", models.BigIntegerField()),
                ("time", models.DateTimeField()),
                ("memory", models.BinaryField()),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("rule", "entity"), name="detectors_memory_once")],
            },
        ),
    ]
