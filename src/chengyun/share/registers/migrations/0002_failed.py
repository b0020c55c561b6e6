# SPDX-License-Identifier: Apache-2.0
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("registers", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="matchrun",
            name="failed",
            field=models.CharField(
                blank=True,
                choices=[
                    ("nothing_to_compare", "没有可比的记录"),
                    ("not_comparable", "两边没有都登记的名称或号码，无从比对"),
                    ("too_few_to_learn", "号码相同或名称与日期都相同的太少，学不出怎样算像"),
                    ("failed", "没有做完，原因见运行日志"),
                ],
                default="",
                max_length=20,
                verbose_name="未完成",
            ),
        ),
    ]
