# SPDX-License-Identifier: Apache-2.0

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("federation", "0002_request"),
    ]

    operations = [
        migrations.AddField(
            model_name="mirror",
            name="terms",
            field=models.CharField(blank=True, default="", max_length=200),
        ),
        migrations.AddField(
            model_name="mirror",
            name="redraw",
            field=models.TextField(blank=True, default=""),
        ),
        migrations.AlterField(
            model_name="mirror",
            name="after",
            field=models.CharField(blank=True, default="", max_length=400),
        ),
    ]
