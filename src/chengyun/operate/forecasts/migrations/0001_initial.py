# SPDX-License-Identifier: Apache-2.0

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Review",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("forecast", models.CharField(max_length=130, verbose_name="预测")),
                ("subject", models.CharField(max_length=64, verbose_name="对象")),
                ("made_at", models.DateTimeField(verbose_name="时间")),
                ("until", models.DateTimeField(verbose_name="数据截至")),
                ("method", models.CharField(max_length=40, verbose_name="方法")),
                ("table", models.JSONField(verbose_name="方法比较")),
                ("origins", models.PositiveIntegerField(verbose_name="回测次数")),
                ("skill", models.FloatField(null=True, verbose_name="技巧")),
                ("useful", models.BooleanField(verbose_name="可用")),
                ("because", models.CharField(max_length=300)),
                ("low", django.contrib.postgres.fields.ArrayField(base_field=models.FloatField(), size=None)),
                ("high", django.contrib.postgres.fields.ArrayField(base_field=models.FloatField(), size=None)),
                ("low_half", django.contrib.postgres.fields.ArrayField(base_field=models.FloatField(), size=None)),
                ("high_half", django.contrib.postgres.fields.ArrayField(base_field=models.FloatField(), size=None)),
            ],
            options={
                "verbose_name": "预测回测",
                "verbose_name_plural": "预测回测",
                "indexes": [models.Index(fields=["forecast", "subject", "-made_at"], name="forecasts_review_newest")],
            },
        ),
        migrations.CreateModel(
            name="Issue",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("forecast", models.CharField(max_length=130, verbose_name="预测")),
                ("subject", models.CharField(max_length=64, verbose_name="对象")),
                ("area_code", models.CharField(blank=True, default="", max_length=12, verbose_name="区域")),
                ("since", models.DateTimeField(verbose_name="起报")),
                ("made_at", models.DateTimeField(verbose_name="作出")),
                ("as_of", models.JSONField(verbose_name="数据截至")),
                ("step_s", models.PositiveIntegerField()),
                ("widened", models.FloatField(default=1.0)),
                ("values", django.contrib.postgres.fields.ArrayField(base_field=models.FloatField(), size=None)),
                ("naive", django.contrib.postgres.fields.ArrayField(base_field=models.FloatField(null=True), size=None)),
                ("low", django.contrib.postgres.fields.ArrayField(base_field=models.FloatField(), size=None)),
                ("high", django.contrib.postgres.fields.ArrayField(base_field=models.FloatField(), size=None)),
                ("low_half", django.contrib.postgres.fields.ArrayField(base_field=models.FloatField(), size=None)),
                ("high_half", django.contrib.postgres.fields.ArrayField(base_field=models.FloatField(), size=None)),
                ("actual", django.contrib.postgres.fields.ArrayField(base_field=models.FloatField(null=True), size=None)),
                ("settled", models.BooleanField(default=False)),
                ("score", models.JSONField(default=dict)),
                (
                    "review",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="issues", to="forecasts.review"),
                ),
            ],
            options={
                "verbose_name": "预测结果",
                "verbose_name_plural": "预测结果",
                "indexes": [
                    models.Index(
                        condition=models.Q(("settled", False)), fields=["forecast", "since"], name="forecasts_issue_open"
                    )
                ],
                "constraints": [models.UniqueConstraint(fields=("forecast", "subject", "since"), name="forecasts_issue_once")],
            },
        ),
    ]
