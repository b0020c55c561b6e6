# SPDX-License-Identifier: Apache-2.0
import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("pghistory", "0007_auto_20250421_0444"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Target",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.SlugField(max_length=64, unique=True, verbose_name="标识")),
                ("name", models.CharField(max_length=200, verbose_name="名称")),
                ("name_en", models.CharField(blank=True, default="", max_length=200, verbose_name="英文名称")),
                (
                    "kind",
                    models.CharField(
                        choices=[("target", "目标"), ("baseline", "基数"), ("rule", "规则")], max_length=10, verbose_name="类别"
                    ),
                ),
                ("value", models.CharField(max_length=40, verbose_name="数值")),
                ("low", models.FloatField(null=True)),
                ("high", models.FloatField(null=True)),
                ("comparator", models.CharField(max_length=2, verbose_name="关系")),
                ("unit", models.CharField(blank=True, default="", max_length=40, verbose_name="单位")),
                ("year", models.CharField(blank=True, default="", max_length=12, verbose_name="年份")),
                ("by", models.DateField(blank=True, null=True, verbose_name="期限")),
                ("place", models.CharField(blank=True, default="", max_length=64, verbose_name="范围")),
                ("document", models.CharField(max_length=120, verbose_name="文件")),
                ("section", models.CharField(blank=True, default="", max_length=120, verbose_name="章节")),
                ("indicator", models.CharField(blank=True, default="", max_length=130, verbose_name="指标")),
                ("subject", models.CharField(blank=True, default="", max_length=64, verbose_name="对象")),
                ("withdrawn_at", models.DateTimeField(blank=True, null=True, verbose_name="撤下时间")),
            ],
            options={
                "verbose_name": "规划目标",
                "verbose_name_plural": "规划目标",
                "ordering": ["document", "id"],
            },
        ),
        migrations.CreateModel(
            name="TargetEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                ("key", models.SlugField(db_index=False, max_length=64, verbose_name="标识")),
                ("name", models.CharField(max_length=200, verbose_name="名称")),
                ("name_en", models.CharField(blank=True, default="", max_length=200, verbose_name="英文名称")),
                (
                    "kind",
                    models.CharField(
                        choices=[("target", "目标"), ("baseline", "基数"), ("rule", "规则")], max_length=10, verbose_name="类别"
                    ),
                ),
                ("value", models.CharField(max_length=40, verbose_name="数值")),
                ("low", models.FloatField(null=True)),
                ("high", models.FloatField(null=True)),
                ("comparator", models.CharField(max_length=2, verbose_name="关系")),
                ("unit", models.CharField(blank=True, default="", max_length=40, verbose_name="单位")),
                ("year", models.CharField(blank=True, default="", max_length=12, verbose_name="年份")),
                ("by", models.DateField(blank=True, null=True, verbose_name="期限")),
                ("place", models.CharField(blank=True, default="", max_length=64, verbose_name="范围")),
                ("document", models.CharField(max_length=120, verbose_name="文件")),
                ("section", models.CharField(blank=True, default="", max_length=120, verbose_name="章节")),
                ("indicator", models.CharField(blank=True, default="", max_length=130, verbose_name="指标")),
                ("subject", models.CharField(blank=True, default="", max_length=64, verbose_name="对象")),
                ("withdrawn_at", models.DateTimeField(blank=True, null=True, verbose_name="撤下时间")),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Reported",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField(verbose_name="截至")),
                ("value", models.FloatField(verbose_name="数值")),
                ("source", models.CharField(max_length=200, verbose_name="来源")),
                ("at", models.DateTimeField(verbose_name="填报时间")),
                (
                    "account",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "target",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="reported", to="govern.target"),
                ),
            ],
            options={
                "verbose_name": "完成情况",
                "verbose_name_plural": "完成情况",
                "ordering": ["day", "id"],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="target",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "govern_targetevent" ("by", "comparator", "document", "high", "id", "indicator", "key", "kind", "low", "name", "name_en", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "place", "section", "subject", "unit", "value", "withdrawn_at", "year") VALUES (NEW."by", NEW."comparator", NEW."document", NEW."high", NEW."id", NEW."indicator", NEW."key", NEW."kind", NEW."low", NEW."name", NEW."name_en", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."place", NEW."section", NEW."subject", NEW."unit", NEW."value", NEW."withdrawn_at", NEW."year"); RETURN NULL;',
                    hash="2f3ae3e1c2bcd11e9f8e5801e452c23582d3b940",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_d7feb",
                    table="govern_target",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="target",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "govern_targetevent" ("by", "comparator", "document", "high", "id", "indicator", "key", "kind", "low", "name", "name_en", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "place", "section", "subject", "unit", "value", "withdrawn_at", "year") VALUES (NEW."by", NEW."comparator", NEW."document", NEW."high", NEW."id", NEW."indicator", NEW."key", NEW."kind", NEW."low", NEW."name", NEW."name_en", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."place", NEW."section", NEW."subject", NEW."unit", NEW."value", NEW."withdrawn_at", NEW."year"); RETURN NULL;',
                    hash="33c729faff4343f04eaff9b7fda559e6f9509f87",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_fc6b6",
                    table="govern_target",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddField(
            model_name="targetevent",
            name="pgh_context",
            field=models.ForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="pghistory.context",
            ),
        ),
        migrations.AddField(
            model_name="targetevent",
            name="pgh_obj",
            field=models.ForeignKey(
                db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name="events", to="govern.target"
            ),
        ),
    ]
