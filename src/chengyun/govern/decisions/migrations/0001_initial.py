# SPDX-License-Identifier: Apache-2.0
import django.db.models.deletion
import django.db.models.functions.datetime
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("access", "0007_wall"),
        ("pghistory", "0007_auto_20250421_0444"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Decision",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("question", models.CharField(max_length=200, verbose_name="要决定什么")),
                ("background", models.TextField(blank=True, default="", verbose_name="背景")),
                ("area_code", models.CharField(blank=True, db_index=True, default="", max_length=12, verbose_name="区域")),
                ("options", models.JSONField(default=list, verbose_name="方案")),
                ("decider", models.CharField(max_length=100, verbose_name="由谁决定")),
                ("decide_by", models.DateField(blank=True, null=True, verbose_name="何时前决定")),
                (
                    "state",
                    models.CharField(
                        choices=[("draft", "草拟"), ("decided", "已决定"), ("review", "复核中"), ("evaluated", "已评估")],
                        default="draft",
                        max_length=10,
                        verbose_name="状态",
                    ),
                ),
                ("chosen", models.CharField(blank=True, default="", max_length=200, verbose_name="决定")),
                ("reason", models.TextField(blank=True, default="", verbose_name="理由")),
                ("unmeasured", models.TextField(blank=True, default="", verbose_name="不作衡量的原因")),
                ("starts_on", models.DateField(blank=True, null=True, verbose_name="起始日")),
                ("review_on", models.DateField(blank=True, null=True, verbose_name="复核日")),
                ("decided_at", models.DateTimeField(null=True, verbose_name="决定于")),
                ("conclusion", models.TextField(blank=True, default="", verbose_name="结论")),
                ("evaluated_at", models.DateTimeField(null=True, verbose_name="评估于")),
                ("made_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="建立于")),
                (
                    "decided_by",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "evaluated_by",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "made_by",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="access.organisation",
                        verbose_name="牵头部门",
                    ),
                ),
            ],
            options={
                "verbose_name": "决策",
                "verbose_name_plural": "决策",
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="DecisionEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                ("question", models.CharField(max_length=200, verbose_name="要决定什么")),
                ("background", models.TextField(blank=True, default="", verbose_name="背景")),
                ("area_code", models.CharField(blank=True, default="", max_length=12, verbose_name="区域")),
                ("options", models.JSONField(default=list, verbose_name="方案")),
                ("decider", models.CharField(max_length=100, verbose_name="由谁决定")),
                ("decide_by", models.DateField(blank=True, null=True, verbose_name="何时前决定")),
                (
                    "state",
                    models.CharField(
                        choices=[("draft", "草拟"), ("decided", "已决定"), ("review", "复核中"), ("evaluated", "已评估")],
                        default="draft",
                        max_length=10,
                        verbose_name="状态",
                    ),
                ),
                ("chosen", models.CharField(blank=True, default="", max_length=200, verbose_name="决定")),
                ("reason", models.TextField(blank=True, default="", verbose_name="理由")),
                ("unmeasured", models.TextField(blank=True, default="", verbose_name="不作衡量的原因")),
                ("starts_on", models.DateField(blank=True, null=True, verbose_name="起始日")),
                ("review_on", models.DateField(blank=True, null=True, verbose_name="复核日")),
                ("decided_at", models.DateTimeField(null=True, verbose_name="决定于")),
                ("conclusion", models.TextField(blank=True, default="", verbose_name="结论")),
                ("evaluated_at", models.DateTimeField(null=True, verbose_name="评估于")),
                ("made_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="建立于")),
                (
                    "decided_by",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "evaluated_by",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "made_by",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="access.organisation",
                        verbose_name="牵头部门",
                    ),
                ),
                (
                    "pgh_context",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="pghistory.context",
                    ),
                ),
                (
                    "pgh_obj",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="events",
                        to="decisions.decision",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Evidence",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("alert", "预警"),
                            ("case", "案件"),
                            ("figure", "指标值"),
                            ("run", "推演"),
                            ("document", "文件"),
                        ],
                        max_length=10,
                        verbose_name="类别",
                    ),
                ),
                ("reference", models.CharField(max_length=300, verbose_name="编号或名称")),
                ("note", models.CharField(blank=True, default="", max_length=300, verbose_name="说明")),
                ("as_of", models.JSONField(default=dict, verbose_name="数据截至")),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="加入于")),
                (
                    "account",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "decision",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="evidence", to="decisions.decision"
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="Expectation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("indicator", models.CharField(max_length=130, verbose_name="指标")),
                ("direction", models.CharField(choices=[("fall", "下降"), ("rise", "上升")], max_length=4, verbose_name="方向")),
                ("size", models.FloatField(blank=True, null=True, verbose_name="幅度")),
                ("since", models.DateField(verbose_name="对比期起")),
                ("by", models.DateField(verbose_name="见效期限")),
                ("treated", models.JSONField(verbose_name="实施区域")),
                ("others", models.JSONField(default=list, verbose_name="对照区域")),
                (
                    "method",
                    models.CharField(
                        choices=[("differences", "双重差分"), ("synthetic", "合成控制")],
                        default="differences",
                        max_length=12,
                        verbose_name="方法",
                    ),
                ),
                (
                    "decision",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="expectations", to="decisions.decision"
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="Evaluation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "state",
                    models.CharField(
                        choices=[("asked", "排队中"), ("done", "完成"), ("failed", "未完成")], default="asked", max_length=8
                    ),
                ),
                ("seed", models.BigIntegerField()),
                ("edition", models.CharField(blank=True, default="", max_length=16)),
                ("asked_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("done_at", models.DateTimeField(null=True)),
                ("as_of", models.JSONField(default=dict)),
                ("result", models.JSONField(default=dict)),
                ("reason", models.TextField(blank=True, default="")),
                (
                    "asked_by",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "expectation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="evaluations", to="decisions.expectation"
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="ExpectationEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                ("indicator", models.CharField(max_length=130, verbose_name="指标")),
                ("direction", models.CharField(choices=[("fall", "下降"), ("rise", "上升")], max_length=4, verbose_name="方向")),
                ("size", models.FloatField(blank=True, null=True, verbose_name="幅度")),
                ("since", models.DateField(verbose_name="对比期起")),
                ("by", models.DateField(verbose_name="见效期限")),
                ("treated", models.JSONField(verbose_name="实施区域")),
                ("others", models.JSONField(default=list, verbose_name="对照区域")),
                (
                    "method",
                    models.CharField(
                        choices=[("differences", "双重差分"), ("synthetic", "合成控制")],
                        default="differences",
                        max_length=12,
                        verbose_name="方法",
                    ),
                ),
                (
                    "decision",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="decisions.decision",
                    ),
                ),
                (
                    "pgh_context",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="pghistory.context",
                    ),
                ),
                (
                    "pgh_obj",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="events",
                        to="decisions.expectation",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="decision",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "decisions_decisionevent" ("area_code", "background", "chosen", "conclusion", "decide_by", "decided_at", "decided_by_id", "decider", "evaluated_at", "evaluated_by_id", "id", "made_at", "made_by_id", "options", "organisation_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "question", "reason", "review_on", "starts_on", "state", "unmeasured") VALUES (NEW."area_code", NEW."background", NEW."chosen", NEW."conclusion", NEW."decide_by", NEW."decided_at", NEW."decided_by_id", NEW."decider", NEW."evaluated_at", NEW."evaluated_by_id", NEW."id", NEW."made_at", NEW."made_by_id", NEW."options", NEW."organisation_id", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."question", NEW."reason", NEW."review_on", NEW."starts_on", NEW."state", NEW."unmeasured"); RETURN NULL;',
                    hash="e73ed568d2608dd263449fea339dd52f7d7add03",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_c5437",
                    table="decisions_decision",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="decision",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "decisions_decisionevent" ("area_code", "background", "chosen", "conclusion", "decide_by", "decided_at", "decided_by_id", "decider", "evaluated_at", "evaluated_by_id", "id", "made_at", "made_by_id", "options", "organisation_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "question", "reason", "review_on", "starts_on", "state", "unmeasured") VALUES (NEW."area_code", NEW."background", NEW."chosen", NEW."conclusion", NEW."decide_by", NEW."decided_at", NEW."decided_by_id", NEW."decider", NEW."evaluated_at", NEW."evaluated_by_id", NEW."id", NEW."made_at", NEW."made_by_id", NEW."options", NEW."organisation_id", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."question", NEW."reason", NEW."review_on", NEW."starts_on", NEW."state", NEW."unmeasured"); RETURN NULL;',
                    hash="d79fddccdd27ac3527ab2aa96d3324be7372dbf5",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_b017a",
                    table="decisions_decision",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="evidence",
            index=models.Index(fields=["kind", "reference"], name="decisions_evidence_of"),
        ),
        migrations.AddConstraint(
            model_name="evidence",
            constraint=models.UniqueConstraint(fields=("decision", "kind", "reference"), name="decisions_evidence_once"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="expectation",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "decisions_expectationevent" ("by", "decision_id", "direction", "id", "indicator", "method", "others", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "since", "size", "treated") VALUES (NEW."by", NEW."decision_id", NEW."direction", NEW."id", NEW."indicator", NEW."method", NEW."others", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."since", NEW."size", NEW."treated"); RETURN NULL;',
                    hash="610ee9e404ee8d9a2eb07b08ffc5158c8a351ad6",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_c734a",
                    table="decisions_expectation",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="expectation",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "decisions_expectationevent" ("by", "decision_id", "direction", "id", "indicator", "method", "others", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "since", "size", "treated") VALUES (NEW."by", NEW."decision_id", NEW."direction", NEW."id", NEW."indicator", NEW."method", NEW."others", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."since", NEW."size", NEW."treated"); RETURN NULL;',
                    hash="b5f081b3d70da5174d31194f1ccc8e7005aa309f",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_6b965",
                    table="decisions_expectation",
                    when="AFTER",
                ),
            ),
        ),
    ]
