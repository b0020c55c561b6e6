# SPDX-License-Identifier: Apache-2.0

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("exchange", "0003_lighter"),
    ]

    operations = [
        migrations.AddField(
            model_name="subscription",
            name="terms",
            field=models.CharField(blank=True, default="", max_length=64),
        ),
        migrations.AddField(
            model_name="subscription",
            name="anew",
            field=models.BooleanField(default=False, verbose_name="须重读"),
        ),
        migrations.AddField(
            model_name="target",
            name="terms",
            field=models.CharField(blank=True, default="", max_length=64),
        ),
    ]
