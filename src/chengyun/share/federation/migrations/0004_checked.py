# SPDX-License-Identifier: Apache-2.0

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("federation", "0003_terms"),
    ]

    operations = [
        migrations.AddField(
            model_name="mirror",
            name="checked_at",
            field=models.DateTimeField(null=True, verbose_name="核对"),
        ),
        migrations.AddField(
            model_name="mirror",
            name="differing",
            field=models.IntegerField(default=0),
        ),
    ]
