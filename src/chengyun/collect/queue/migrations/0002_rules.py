# SPDX-License-Identifier: Apache-2.0

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("queue", "0001_marks")]

    operations = [
        migrations.CreateModel(
            name="RuleMark",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("stream", models.CharField(max_length=130, verbose_name="感知流")),
                ("part", models.SmallIntegerField(verbose_name="份")),
                ("seq", models.BigIntegerField(verbose_name="序号")),
                ("past", models.JSONField(default=list, verbose_name="过往条件")),
                ("moved_at", models.DateTimeField(verbose_name="推进时间")),
            ],
            options={
                "verbose_name": "规则进度",
                "verbose_name_plural": "规则进度",
                "constraints": [models.UniqueConstraint(fields=("stream", "part"), name="queue_rulemark_one")],
            },
        ),
        migrations.CreateModel(
            name="RuleSeen",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("stream", models.CharField(max_length=130, verbose_name="感知流")),
                ("entity_id", models.IntegerField(verbose_name="对象")),
                ("time", models.DateTimeField(verbose_name="最新时间")),
            ],
            options={
                "verbose_name": "规则所见",
                "verbose_name_plural": "规则所见",
                "constraints": [models.UniqueConstraint(fields=("stream", "entity_id"), name="queue_ruleseen_one")],
            },
        ),
    ]
