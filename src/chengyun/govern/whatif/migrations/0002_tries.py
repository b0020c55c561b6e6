# SPDX-License-Identifier: Apache-2.0
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("whatif", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="run",
            name="tries",
            field=models.SmallIntegerField(default=0),
        ),
    ]
