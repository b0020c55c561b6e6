# SPDX-License-Identifier: Apache-2.0
import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("access", "0004_casework"),
        ("cases", "0004_replay"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Crew",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.SlugField(max_length=32, unique=True, verbose_name="标识")),
                ("name", models.CharField(max_length=60, verbose_name="班组")),
                (
                    "skills",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=32), blank=True, default=list, size=None, verbose_name="技能"
                    ),
                ),
                ("start_lon", models.FloatField(help_text="WGS-84")),
                ("start_lat", models.FloatField(help_text="WGS-84")),
                ("end_lon", models.FloatField(help_text="WGS-84")),
                ("end_lat", models.FloatField(help_text="WGS-84")),
                ("active", models.BooleanField(default=True, verbose_name="在用")),
                (
                    "members",
                    models.ManyToManyField(blank=True, related_name="crews", to=settings.AUTH_USER_MODEL, verbose_name="成员"),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="crews",
                        to="access.organisation",
                        verbose_name="部门",
                    ),
                ),
            ],
            options={
                "ordering": ["key"],
            },
        ),
        migrations.CreateModel(
            name="Pin",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("by", models.CharField(max_length=150)),
                ("at", models.DateTimeField()),
                (
                    "case",
                    models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name="crew_pin", to="cases.case"),
                ),
                ("crew", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="pins", to="crews.crew")),
            ],
        ),
        migrations.CreateModel(
            name="Plan",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField(verbose_name="日期")),
                ("area_code", models.CharField(blank=True, default="", max_length=15)),
                (
                    "state",
                    models.CharField(
                        choices=[("asked", "计算中"), ("live", "执行中"), ("replaced", "已被替代"), ("failed", "未能算出")],
                        default="asked",
                        max_length=8,
                        verbose_name="状态",
                    ),
                ),
                ("asked_at", models.DateTimeField(verbose_name="时间")),
                ("asked_by", models.CharField(max_length=150, verbose_name="编排人")),
                ("made_at", models.DateTimeField(null=True)),
                ("reason", models.CharField(blank=True, default="", max_length=200, verbose_name="原因")),
                ("moved", models.PositiveIntegerField(default=0, verbose_name="改派")),
                ("figures", models.JSONField(default=dict)),
                ("rules", models.JSONField(default=dict)),
                ("fault", models.CharField(blank=True, default="", max_length=500)),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="crew_plans",
                        to="access.organisation",
                        verbose_name="部门",
                    ),
                ),
                (
                    "replaces",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="replaced_by", to="crews.plan"
                    ),
                ),
            ],
            options={
                "ordering": ["-day", "-asked_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="LeftJob",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("why", models.JSONField(default=dict)),
                ("case", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="cases.case")),
                ("plan", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="left", to="crews.plan")),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="Shift",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField(verbose_name="日期")),
                ("begins", models.TimeField(verbose_name="上班")),
                ("ends", models.TimeField(verbose_name="下班")),
                ("break_min", models.PositiveSmallIntegerField(default=0, verbose_name="休息（分钟）")),
                ("break_from", models.TimeField(blank=True, null=True)),
                ("break_until", models.TimeField(blank=True, null=True)),
                ("crew", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="shifts", to="crews.crew")),
            ],
            options={
                "ordering": ["day", "begins", "crew_id"],
            },
        ),
        migrations.CreateModel(
            name="Stop",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("place", models.PositiveSmallIntegerField()),
                ("arrives_at", models.DateTimeField()),
                ("begins_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                ("travel_s", models.PositiveIntegerField()),
                ("late_s", models.PositiveIntegerField(default=0)),
                ("slack_s", models.PositiveIntegerField(default=0)),
                ("pinned", models.BooleanField(default=False)),
                ("why", models.JSONField(default=dict)),
                (
                    "case",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="crew_stops", to="cases.case"),
                ),
                ("crew", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="stops", to="crews.crew")),
                ("plan", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="stops", to="crews.plan")),
            ],
            options={
                "ordering": ["crew__key", "place"],
            },
        ),
        migrations.AddConstraint(
            model_name="plan",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "live")), fields=("organisation", "day"), name="crews_plan_one_live"
            ),
        ),
        migrations.AddConstraint(
            model_name="plan",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "asked")), fields=("organisation", "day"), name="crews_plan_one_asked"
            ),
        ),
        migrations.AddConstraint(
            model_name="shift",
            constraint=models.UniqueConstraint(fields=("crew", "day"), name="crews_shift_once"),
        ),
        migrations.AddConstraint(
            model_name="shift",
            constraint=models.CheckConstraint(condition=models.Q(("ends__gt", models.F("begins"))), name="crews_shift_in_order"),
        ),
        migrations.AddConstraint(
            model_name="stop",
            constraint=models.UniqueConstraint(fields=("plan", "case"), name="crews_stop_case_once"),
        ),
        migrations.AddConstraint(
            model_name="stop",
            constraint=models.UniqueConstraint(fields=("plan", "crew", "place"), name="crews_stop_place_once"),
        ),
    ]
