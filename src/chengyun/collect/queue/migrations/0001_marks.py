# SPDX-License-Identifier: Apache-2.0

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Mark",
            fields=[
                ("stream", models.CharField(max_length=130, primary_key=True, serialize=False, verbose_name="感知流")),
                ("place", models.BigIntegerField(verbose_name="队列位置")),
                ("moved_at", models.DateTimeField(verbose_name="推进时间")),
            ],
            options={
                "verbose_name": "队列进度",
                "verbose_name_plural": "队列进度",
            },
        ),
    ]
