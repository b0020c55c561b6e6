# SPDX-License-Identifier: Apache-2.0
"""What the budgets found last is kept, so that the page of the rules shows it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("probation", "0002_without_owner")]

    operations = [
        migrations.CreateModel(
            name="Measured",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("rule", models.CharField(max_length=130)),
                ("by", models.CharField(blank=True, max_length=16)),
                ("at", models.DateTimeField()),
                ("since", models.DateTimeField()),
                ("alerts", models.IntegerField()),
                ("false_alarms", models.IntegerField(null=True)),
                ("worst", models.IntegerField()),
                ("allowed", models.IntegerField()),
                ("per_days", models.IntegerField()),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("rule", "by"), name="probation_measured_once")],
            },
        ),
    ]
