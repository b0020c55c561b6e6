# SPDX-License-Identifier: Apache-2.0

import django.contrib.postgres.constraints
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import chengyun.cases.components.models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("areas", "0001_initial"),
        ("cases", "0001_initial"),
        ("field", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Inspection",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("component", models.CharField(db_index=True, max_length=64, verbose_name="部件")),
                ("at", models.DateTimeField(verbose_name="时间")),
                ("by", models.CharField(max_length=150, verbose_name="检查人")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("intact", "完好"),
                            ("damaged", "破损"),
                            ("missing", "丢失"),
                            ("occupied", "占用"),
                            ("removed", "废除"),
                        ],
                        max_length=8,
                        verbose_name="状态",
                    ),
                ),
                ("note", models.CharField(blank=True, default="", max_length=500, verbose_name="说明")),
                (
                    "account",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "case",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="inspections", to="cases.case"
                    ),
                ),
                (
                    "task",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="inspections", to="field.patroltask"
                    ),
                ),
            ],
            options={
                "ordering": ["-at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="GridWorker",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("grid_code", models.CharField(db_index=True, max_length=15, verbose_name="单元网格")),
                ("since", models.DateField(verbose_name="自")),
                ("until", models.DateField(blank=True, null=True, verbose_name="至（不含）")),
                ("by", models.CharField(max_length=150, verbose_name="指定人")),
                ("at", models.DateTimeField()),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="grids",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="责任人",
                    ),
                ),
            ],
            options={
                "ordering": ["grid_code", "since", "id"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("until", None), ("until__gt", models.F("since")), _connector="OR"),
                        name="components_worker_in_order",
                    ),
                    django.contrib.postgres.constraints.ExclusionConstraint(
                        expressions=[
                            ("grid_code", "="),
                            ("account", "="),
                            (chengyun.cases.components.models.Days("since", "until"), "&&"),
                        ],
                        name="components_worker_once",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="TaskComponent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("component", models.CharField(db_index=True, max_length=64, verbose_name="部件")),
                ("done_at", models.DateTimeField(null=True)),
                (
                    "task",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="components", to="field.patroltask"
                    ),
                ),
            ],
            options={
                "ordering": ["task_id", "id"],
                "constraints": [models.UniqueConstraint(fields=("task", "component"), name="components_task_once")],
            },
        ),
    ]
