# SPDX-License-Identifier: Apache-2.0
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("federation", "0004_checked"),
    ]

    operations = [
        migrations.AddField(
            model_name="mirror",
            name="unchecked",
            field=models.CharField(blank=True, default="", max_length=300),
        ),
    ]
