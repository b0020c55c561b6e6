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
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="FiledRule",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=130, unique=True, verbose_name="规则")),
                ("name", models.CharField(max_length=200, verbose_name="名称")),
                ("dataset", models.CharField(max_length=130, verbose_name="监测对象")),
                ("declared", models.BooleanField(default=False)),
                ("text", models.TextField(verbose_name="规则文件")),
                ("version", models.CharField(max_length=12, verbose_name="版本")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("draft", "草稿"),
                            ("tested", "已回测"),
                            ("probation", "试运行"),
                            ("live", "正式"),
                            ("demoted", "已降级"),
                            ("withdrawn", "已撤下"),
                        ],
                        default="draft",
                        max_length=9,
                        verbose_name="状态",
                    ),
                ),
                ("state_since", models.DateTimeField(verbose_name="状态自")),
                ("changed_at", models.DateTimeField(verbose_name="修改时间")),
                ("asked_for", models.CharField(blank=True, default="", max_length=9)),
                ("asked_at", models.DateTimeField(null=True)),
                (
                    "asked_by",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="负责人",
                    ),
                ),
            ],
            options={
                "ordering": ["key"],
            },
        ),
        migrations.CreateModel(
            name="BackTest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("version", models.CharField(max_length=12, verbose_name="版本")),
                ("since", models.DateTimeField(verbose_name="自")),
                ("until", models.DateTimeField(verbose_name="至")),
                ("against", models.CharField(blank=True, max_length=16, verbose_name="对照")),
                ("asked_at", models.DateTimeField()),
                ("started_at", models.DateTimeField(null=True)),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "state",
                    models.CharField(
                        choices=[("waiting", "等待"), ("running", "进行中"), ("done", "完成"), ("failed", "失败")],
                        default="waiting",
                        max_length=8,
                    ),
                ),
                ("rows", models.BigIntegerField(null=True, verbose_name="行数")),
                ("entities", models.IntegerField(null=True, verbose_name="对象数")),
                ("alerts", models.IntegerField(null=True, verbose_name="预警数")),
                ("true_alerts", models.IntegerField(null=True, verbose_name="属实")),
                ("false_alarms", models.IntegerField(null=True, verbose_name="误报")),
                ("truths", models.IntegerField(null=True, verbose_name="实有")),
                ("found", models.IntegerField(null=True, verbose_name="发现")),
                ("worst_span", models.IntegerField(null=True, verbose_name="一个周期内最多误报")),
                ("cost_fen", models.BigIntegerField(null=True)),
                ("inside_budget", models.BooleanField(null=True)),
                ("by_month", models.JSONField(default=list)),
                ("examples", models.JSONField(default=list, encoder=django.core.serializers.json.DjangoJSONEncoder)),
                ("as_of", models.JSONField(default=dict)),
                ("error", models.CharField(blank=True, default="", max_length=500)),
                (
                    "asked_by",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL),
                ),
                (
                    "rule",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="backtests", to="probation.filedrule"
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="RuleStep",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("before", models.CharField(blank=True, max_length=9)),
                ("after", models.CharField(max_length=9)),
                ("at", models.DateTimeField()),
                ("actor", models.CharField(max_length=150)),
                ("version", models.CharField(max_length=12)),
                ("text", models.TextField(blank=True, default="")),
                ("note", models.CharField(blank=True, default="", max_length=500)),
                (
                    "account",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("backtest", models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to="probation.backtest")),
                (
                    "rule",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="steps", to="probation.filedrule"
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="Sighting",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("rule", models.CharField(max_length=130)),
                ("subject", models.CharField(max_length=64)),
                ("subject_name", models.CharField(max_length=200)),
                ("area_code", models.CharField(blank=True, db_default="", max_length=12)),
                ("holds", models.BooleanField(db_default=True)),
                ("value", models.FloatField(null=True)),
                ("worst", models.FloatField(null=True)),
                ("limit", models.FloatField(null=True)),
                ("times", models.IntegerField(db_default=1)),
                ("since", models.DateTimeField()),
                ("last_seen_at", models.DateTimeField()),
                ("opened_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                ("simulated", models.BooleanField(db_default=False)),
                ("evidence", models.JSONField(encoder=django.core.serializers.json.DjangoJSONEncoder)),
            ],
            options={
                "ordering": ["-opened_at", "-id"],
                "indexes": [models.Index(fields=["rule", "-opened_at"], name="probation_sighting_recent")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("holds", True)), fields=("rule", "subject"), name="probation_sighting_one_open"
                    )
                ],
            },
        ),
        migrations.AddIndex(
            model_name="filedrule",
            index=models.Index(fields=["dataset", "state"], name="probation_rule_judged"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="rulestep",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="fd5cc56663e9581662d099a4ada87c7e2e7b15df",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_d3ae7",
                    table="probation_rulestep",
                    when="BEFORE",
                ),
            ),
        ),
    ]
