# SPDX-License-Identifier: Apache-2.0
"""Days that have ended are counted once, not for each who asks."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("exchange", "0005_parts"),
    ]

    operations = [
        migrations.CreateModel(
            name="DayChanged",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField()),
            ],
        ),
        migrations.CreateModel(
            name="DayCounted",
            fields=[
                ("day", models.DateField(primary_key=True, serialize=False)),
            ],
        ),
        migrations.CreateModel(
            name="DayLine",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField(verbose_name="日期")),
                ("way", models.CharField(max_length=16, verbose_name="方式")),
                ("provider", models.CharField(max_length=64, verbose_name="提供方")),
                ("consumer", models.CharField(max_length=64, verbose_name="使用方")),
                ("dataset", models.CharField(max_length=128, verbose_name="信息资源")),
                ("exchanges", models.BigIntegerField(verbose_name="次数")),
                ("rows", models.BigIntegerField(verbose_name="行数")),
                ("bytes", models.BigIntegerField(verbose_name="字节")),
                ("countersigned", models.BigIntegerField(verbose_name="回签")),
            ],
            options={
                "indexes": [models.Index(fields=["day"], name="exchange_dayline_day")],
            },
        ),
    ]
