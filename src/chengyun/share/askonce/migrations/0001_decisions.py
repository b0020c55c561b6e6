# SPDX-License-Identifier: Apache-2.0
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [("forms", "0001_forms")]

    operations = [
        migrations.CreateModel(
            name="Decision",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("path", models.CharField(max_length=300, verbose_name="题目")),
                ("element", models.CharField(max_length=130, verbose_name="数据元")),
                ("same", models.BooleanField(verbose_name="是同一项")),
                ("reason", models.CharField(blank=True, default="", max_length=300, verbose_name="理由")),
                ("decided_by", models.CharField(max_length=200, verbose_name="决定人")),
                ("decided_at", models.DateTimeField(auto_now=True, verbose_name="决定时间")),
                (
                    "form",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="forms.form", verbose_name="表单"
                    ),
                ),
            ],
            options={"verbose_name": "数据元对应", "verbose_name_plural": "数据元对应"},
        ),
        migrations.CreateModel(
            name="Load",
            fields=[
                (
                    "form",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="forms.form",
                        verbose_name="表单",
                    ),
                ),
                ("times_a_year", models.FloatField(default=1, verbose_name="每人每年次数")),
                ("people", models.PositiveIntegerField(default=0, verbose_name="填报人数")),
                ("repeats", models.FloatField(default=1, verbose_name="每次重复项数")),
                ("changed_by", models.CharField(max_length=200, verbose_name="修改人")),
                ("changed_at", models.DateTimeField(auto_now=True, verbose_name="修改时间")),
            ],
            options={"verbose_name": "填报频次", "verbose_name_plural": "填报频次"},
        ),
        migrations.AddConstraint(
            model_name="decision",
            constraint=models.UniqueConstraint(fields=("form", "path", "element"), name="askonce_decision_once"),
        ),
    ]
