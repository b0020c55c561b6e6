# SPDX-License-Identifier: Apache-2.0
import django.core.serializers.json
import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("access", "0001_initial"),
        ("operate", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="CaseNumber",
            fields=[
                ("year", models.IntegerField(primary_key=True, serialize=False)),
                ("last", models.IntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="Case",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.CharField(max_length=32, unique=True, verbose_name="编号")),
                ("type", models.CharField(max_length=130, verbose_name="类型")),
                ("state", models.CharField(max_length=63, verbose_name="状态")),
                ("ended", models.BooleanField(default=False, verbose_name="已结束")),
                ("title", models.CharField(max_length=200, verbose_name="标题")),
                ("area_code", models.CharField(blank=True, db_index=True, default="", max_length=12, verbose_name="区域")),
                ("lon", models.FloatField(blank=True, help_text="WGS-84", null=True, verbose_name="经度")),
                ("lat", models.FloatField(blank=True, help_text="WGS-84", null=True, verbose_name="纬度")),
                ("opened_at", models.DateTimeField(verbose_name="立案时间")),
                ("due_at", models.DateTimeField(verbose_name="时限")),
                ("closed_at", models.DateTimeField(blank=True, null=True, verbose_name="结案时间")),
                ("simulated", models.BooleanField(default=False, verbose_name="模拟")),
                (
                    "evidence",
                    models.JSONField(default=dict, encoder=django.core.serializers.json.DjangoJSONEncoder, verbose_name="依据"),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="cases",
                        to="access.organisation",
                        verbose_name="主办单位",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="cases",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="经办人",
                    ),
                ),
            ],
            options={
                "verbose_name": "案件",
                "verbose_name_plural": "案件",
                "ordering": ["-opened_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="CaseAlert",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("joined_at", models.DateTimeField()),
                (
                    "alert",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="case_alert", to="operate.alert"
                    ),
                ),
                (
                    "case",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="case_alerts", to="cases.case"),
                ),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="CaseClock",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("limit_s", models.BigIntegerField(verbose_name="时限（秒）")),
                ("used_s", models.FloatField(default=0.0, verbose_name="已用（秒）")),
                ("running_since", models.DateTimeField(null=True, verbose_name="计时自")),
                (
                    "case",
                    models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name="clock", to="cases.case"),
                ),
            ],
        ),
        migrations.CreateModel(
            name="CaseEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField()),
                ("kind", models.CharField(max_length=63)),
                ("transition", models.CharField(blank=True, default="", max_length=63)),
                ("actor", models.CharField(max_length=150)),
                ("before", models.JSONField(default=dict)),
                ("after", models.JSONField(default=dict)),
                ("reason", models.CharField(blank=True, default="", max_length=500)),
                ("note", models.TextField(blank=True, default="")),
                (
                    "account",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("case", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="events", to="cases.case")),
            ],
            options={
                "ordering": ["at", "id"],
            },
        ),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(fields=["type", "state"], name="cases_case_state"),
        ),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(condition=models.Q(("ended", False)), fields=["due_at"], name="cases_case_due"),
        ),
        migrations.AddConstraint(
            model_name="case",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("closed_at__isnull", False), ("ended", True)),
                    models.Q(("closed_at__isnull", True), ("ended", False)),
                    _connector="OR",
                ),
                name="cases_case_ended_has_time",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="caseevent",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="65b17c5dc231aae95e4a5d286bcd92a634f3ebd3",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_320b9",
                    table="cases_caseevent",
                    when="BEFORE",
                ),
            ),
        ),
    ]
