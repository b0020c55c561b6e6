# SPDX-License-Identifier: Apache-2.0
import django.core.serializers.json
import django.db.models.deletion
import django.db.models.functions.datetime
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
            name="Alert",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("rule", models.CharField(max_length=130, verbose_name="规则")),
                ("dataset", models.CharField(max_length=130, verbose_name="信息资源")),
                ("subject", models.CharField(max_length=64, verbose_name="对象")),
                ("subject_name", models.CharField(max_length=200, verbose_name="对象名称")),
                ("area_code", models.CharField(blank=True, db_default="", max_length=12, verbose_name="区域")),
                ("severity", models.CharField(max_length=8, verbose_name="级别")),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "待确认"), ("acknowledged", "已确认"), ("closed", "已关闭")],
                        db_default="open",
                        max_length=12,
                        verbose_name="状态",
                    ),
                ),
                ("holds", models.BooleanField(db_default=True, verbose_name="条件成立")),
                ("value", models.FloatField(null=True, verbose_name="数值")),
                ("worst", models.FloatField(null=True, verbose_name="极值")),
                ("limit", models.FloatField(null=True, verbose_name="限值")),
                ("times", models.IntegerField(db_default=1, verbose_name="次数")),
                ("since", models.DateTimeField(verbose_name="自")),
                ("last_seen_at", models.DateTimeField(verbose_name="最近")),
                ("opened_at", models.DateTimeField(verbose_name="发现")),
                ("acknowledged_at", models.DateTimeField(null=True, verbose_name="确认")),
                ("cleared_at", models.DateTimeField(null=True, verbose_name="条件解除")),
                ("closed_at", models.DateTimeField(null=True, verbose_name="关闭")),
                ("closed_because", models.CharField(blank=True, db_default="", max_length=300, verbose_name="关闭原因")),
                ("in_case", models.BooleanField(db_default=False, verbose_name="已立案")),
                ("simulated", models.BooleanField(db_default=False, verbose_name="模拟")),
                ("group_key", models.CharField(blank=True, db_default="", max_length=200, verbose_name="分组")),
                ("evidence", models.JSONField(encoder=django.core.serializers.json.DjangoJSONEncoder, verbose_name="依据")),
                (
                    "acknowledged_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="确认人",
                    ),
                ),
            ],
            options={
                "verbose_name": "预警",
                "verbose_name_plural": "预警",
                "ordering": ["-opened_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="AlertEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("raised", "产生"),
                            ("returned", "再次成立"),
                            ("acknowledged", "确认"),
                            ("cleared", "条件解除"),
                            ("case_opened", "立案"),
                            ("case_ended", "结案"),
                            ("closed", "关闭"),
                        ],
                        max_length=16,
                    ),
                ),
                ("at", models.DateTimeField()),
                ("actor", models.CharField(blank=True, db_default="", max_length=150)),
                ("value", models.FloatField(null=True)),
                ("note", models.CharField(blank=True, db_default="", max_length=500)),
                (
                    "account",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "alert",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="events", to="operate.alert"),
                ),
            ],
            options={
                "ordering": ["at", "id"],
            },
        ),
        migrations.CreateModel(
            name="DueWindow",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("indicator", models.CharField(max_length=130)),
                ("start", models.DateField()),
                ("mark", models.BigIntegerField()),
                ("attempts", models.IntegerField(db_default=0)),
                ("not_before", models.DateTimeField(null=True)),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("indicator", "start"), name="operate_duewindow_once")],
            },
        ),
        migrations.CreateModel(
            name="Figure",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("indicator", models.CharField(max_length=130, verbose_name="指标")),
                ("subject", models.CharField(max_length=64, verbose_name="对象")),
                ("area_code", models.CharField(blank=True, default="", max_length=12, verbose_name="区域")),
                ("period_start", models.DateTimeField(verbose_name="时段起")),
                ("value", models.FloatField(null=True, verbose_name="数值")),
                ("detail", models.JSONField(encoder=django.core.serializers.json.DjangoJSONEncoder, verbose_name="明细")),
                ("coverage", models.FloatField(null=True, verbose_name="覆盖率")),
                ("quality", models.JSONField(verbose_name="质量")),
                ("simulated", models.BooleanField(verbose_name="模拟")),
                ("as_of", models.JSONField(verbose_name="数据截至")),
                ("version", models.CharField(max_length=16, verbose_name="公式版本")),
                ("computed_at", models.DateTimeField(verbose_name="计算时间")),
                ("superseded_at", models.DateTimeField(null=True, verbose_name="被取代时间")),
                ("until_id", models.BigIntegerField(null=True)),
            ],
            options={
                "verbose_name": "指标值",
                "verbose_name_plural": "指标值",
                "indexes": [
                    models.Index(
                        condition=models.Q(("superseded_at__isnull", True)),
                        fields=["indicator", "period_start"],
                        name="operate_figure_period",
                    ),
                    models.Index(
                        condition=models.Q(("superseded_at__isnull", False)),
                        fields=["indicator", "period_start"],
                        name="operate_figure_former",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("superseded_at__isnull", True)),
                        fields=("indicator", "subject", "period_start"),
                        name="operate_figure_one_current",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Formula",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("indicator", models.CharField(max_length=130, verbose_name="指标")),
                ("version", models.CharField(max_length=16, verbose_name="版本")),
                ("text", models.JSONField(verbose_name="公式")),
                (
                    "first_used_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="启用"),
                ),
            ],
            options={
                "ordering": ["indicator", "id"],
                "constraints": [models.UniqueConstraint(fields=("indicator", "version"), name="operate_formula_once")],
            },
        ),
        migrations.CreateModel(
            name="IndicatorRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("indicator", models.CharField(max_length=130, verbose_name="指标")),
                ("since", models.DateTimeField(verbose_name="自")),
                ("until", models.DateTimeField(verbose_name="至")),
                ("started_at", models.DateTimeField(verbose_name="开始")),
                ("duration_s", models.FloatField(verbose_name="耗时")),
                ("rows", models.IntegerField(verbose_name="行数")),
                ("changed", models.IntegerField(verbose_name="变化")),
                ("error", models.TextField(blank=True, verbose_name="错误")),
            ],
            options={
                "indexes": [models.Index(fields=["indicator", "-started_at"], name="operate_run_recent")],
            },
        ),
        migrations.CreateModel(
            name="RuleState",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("rule", models.CharField(max_length=130)),
                ("subject", models.CharField(max_length=64)),
                ("holds", models.BooleanField(db_default=False)),
                ("run", models.IntegerField(db_default=0)),
                ("since", models.DateTimeField()),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("rule", "subject"), name="operate_rulestate_once")],
            },
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(fields=["-opened_at"], name="operate_alert_recent"),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(fields=["rule", "subject", "-opened_at"], name="operate_alert_subject"),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "closed"), _negated=True), fields=("rule", "subject"), name="operate_alert_one_open"
            ),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("closed_at__isnull", False), ("state", "closed")),
                    models.Q(models.Q(("state", "closed"), _negated=True), ("closed_at__isnull", True)),
                    _connector="OR",
                ),
                name="operate_alert_closed_has_time",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="alertevent",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="3f2880f692b0993a5a5b24d2c6b91ec6fb998cb0",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_a6e4b",
                    table="operate_alertevent",
                    when="BEFORE",
                ),
            ),
        ),
    ]
