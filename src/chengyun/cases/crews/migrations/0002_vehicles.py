# SPDX-License-Identifier: Apache-2.0

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("crews", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="crew",
            name="vehicle",
            field=models.CharField(blank=True, default="", max_length=60, verbose_name="车辆"),
        ),
    ]
