# SPDX-License-Identifier: Apache-2.0

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("pghistory", "0007_auto_20250421_0444"),
    ]

    operations = [
        migrations.CreateModel(
            name="Article",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=64, unique=True, verbose_name="编码")),
                ("name", models.CharField(max_length=200, verbose_name="名称")),
                ("area_code", models.CharField(blank=True, db_index=True, default="", max_length=12, verbose_name="区域")),
                ("lon", models.FloatField(blank=True, help_text="WGS-84", null=True, verbose_name="经度")),
                ("lat", models.FloatField(blank=True, help_text="WGS-84", null=True, verbose_name="纬度")),
                ("valid_from", models.DateField(blank=True, null=True, verbose_name="启用日期")),
                ("valid_to", models.DateField(blank=True, null=True, verbose_name="停用日期")),
                ("simulated", models.BooleanField(default=False, verbose_name="模拟")),
                ("source", models.CharField(blank=True, default="", max_length=200, verbose_name="来源")),
                ("law", models.CharField(blank=True, db_index=True, default="", max_length=64, verbose_name="法律法规")),
                ("clause", models.CharField(blank=True, default="", max_length=60, verbose_name="条款")),
                ("citation", models.CharField(blank=True, db_index=True, default="", max_length=130, verbose_name="引用")),
            ],
            options={
                "verbose_name": "条款",
                "ordering": ["key"],
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="ArticleEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                ("key", models.CharField(max_length=64, verbose_name="编码")),
                ("name", models.CharField(max_length=200, verbose_name="名称")),
                ("area_code", models.CharField(blank=True, default="", max_length=12, verbose_name="区域")),
                ("lon", models.FloatField(blank=True, help_text="WGS-84", null=True, verbose_name="经度")),
                ("lat", models.FloatField(blank=True, help_text="WGS-84", null=True, verbose_name="纬度")),
                ("valid_from", models.DateField(blank=True, null=True, verbose_name="启用日期")),
                ("valid_to", models.DateField(blank=True, null=True, verbose_name="停用日期")),
                ("simulated", models.BooleanField(default=False, verbose_name="模拟")),
                ("source", models.CharField(blank=True, default="", max_length=200, verbose_name="来源")),
                ("law", models.CharField(blank=True, default="", max_length=64, verbose_name="法律法规")),
                ("clause", models.CharField(blank=True, default="", max_length=60, verbose_name="条款")),
                ("citation", models.CharField(blank=True, default="", max_length=130, verbose_name="引用")),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Law",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=64, unique=True, verbose_name="编码")),
                ("name", models.CharField(max_length=200, verbose_name="名称")),
                ("area_code", models.CharField(blank=True, db_index=True, default="", max_length=12, verbose_name="区域")),
                ("lon", models.FloatField(blank=True, help_text="WGS-84", null=True, verbose_name="经度")),
                ("lat", models.FloatField(blank=True, help_text="WGS-84", null=True, verbose_name="纬度")),
                ("valid_from", models.DateField(blank=True, null=True, verbose_name="启用日期")),
                ("valid_to", models.DateField(blank=True, null=True, verbose_name="停用日期")),
                ("simulated", models.BooleanField(default=False, verbose_name="模拟")),
                ("source", models.CharField(blank=True, default="", max_length=200, verbose_name="来源")),
                ("number", models.CharField(blank=True, db_index=True, default="", max_length=60, verbose_name="文号或标准号")),
                (
                    "kind",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("law", "法律"),
                            ("regulation", "行政法规"),
                            ("local", "地方性法规"),
                            ("rule", "规章"),
                            ("document", "规范性文件"),
                            ("standard", "标准"),
                        ],
                        default="",
                        max_length=12,
                        verbose_name="种类",
                    ),
                ),
                ("issuer", models.CharField(blank=True, default="", max_length=120, verbose_name="制定机关")),
                ("issued", models.DateField(blank=True, null=True, verbose_name="公布日期")),
                ("replaces", models.CharField(blank=True, default="", max_length=200, verbose_name="替代")),
                ("replaced_by", models.CharField(blank=True, default="", max_length=200, verbose_name="被替代")),
                ("amended_by", models.CharField(blank=True, default="", max_length=200, verbose_name="被修改")),
                ("verified", models.BooleanField(default=False, verbose_name="已核实")),
            ],
            options={
                "verbose_name": "法律法规",
                "ordering": ["key"],
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="LawEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                ("key", models.CharField(max_length=64, verbose_name="编码")),
                ("name", models.CharField(max_length=200, verbose_name="名称")),
                ("area_code", models.CharField(blank=True, default="", max_length=12, verbose_name="区域")),
                ("lon", models.FloatField(blank=True, help_text="WGS-84", null=True, verbose_name="经度")),
                ("lat", models.FloatField(blank=True, help_text="WGS-84", null=True, verbose_name="纬度")),
                ("valid_from", models.DateField(blank=True, null=True, verbose_name="启用日期")),
                ("valid_to", models.DateField(blank=True, null=True, verbose_name="停用日期")),
                ("simulated", models.BooleanField(default=False, verbose_name="模拟")),
                ("source", models.CharField(blank=True, default="", max_length=200, verbose_name="来源")),
                ("number", models.CharField(blank=True, default="", max_length=60, verbose_name="文号或标准号")),
                (
                    "kind",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("law", "法律"),
                            ("regulation", "行政法规"),
                            ("local", "地方性法规"),
                            ("rule", "规章"),
                            ("document", "规范性文件"),
                            ("standard", "标准"),
                        ],
                        default="",
                        max_length=12,
                        verbose_name="种类",
                    ),
                ),
                ("issuer", models.CharField(blank=True, default="", max_length=120, verbose_name="制定机关")),
                ("issued", models.DateField(blank=True, null=True, verbose_name="公布日期")),
                ("replaces", models.CharField(blank=True, default="", max_length=200, verbose_name="替代")),
                ("replaced_by", models.CharField(blank=True, default="", max_length=200, verbose_name="被替代")),
                ("amended_by", models.CharField(blank=True, default="", max_length=200, verbose_name="被修改")),
                ("verified", models.BooleanField(default=False, verbose_name="已核实")),
            ],
            options={
                "abstract": False,
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="article",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "laws_articleevent" ("area_code", "citation", "clause", "id", "key", "lat", "law", "lon", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "simulated", "source", "valid_from", "valid_to") VALUES (NEW."area_code", NEW."citation", NEW."clause", NEW."id", NEW."key", NEW."lat", NEW."law", NEW."lon", NEW."name", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."simulated", NEW."source", NEW."valid_from", NEW."valid_to"); RETURN NULL;',
                    hash="232104316d85473421e0c7fa0ed955d1d49f212e",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_8a1a2",
                    table="laws_article",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="article",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "laws_articleevent" ("area_code", "citation", "clause", "id", "key", "lat", "law", "lon", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "simulated", "source", "valid_from", "valid_to") VALUES (NEW."area_code", NEW."citation", NEW."clause", NEW."id", NEW."key", NEW."lat", NEW."law", NEW."lon", NEW."name", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."simulated", NEW."source", NEW."valid_from", NEW."valid_to"); RETURN NULL;',
                    hash="1623264a52bbd83ec863266392f57cf1ab571c65",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_81aa0",
                    table="laws_article",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddField(
            model_name="articleevent",
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
            model_name="articleevent",
            name="pgh_obj",
            field=models.ForeignKey(
                db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name="events", to="laws.article"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="law",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "laws_lawevent" ("amended_by", "area_code", "id", "issued", "issuer", "key", "kind", "lat", "lon", "name", "number", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "replaced_by", "replaces", "simulated", "source", "valid_from", "valid_to", "verified") VALUES (NEW."amended_by", NEW."area_code", NEW."id", NEW."issued", NEW."issuer", NEW."key", NEW."kind", NEW."lat", NEW."lon", NEW."name", NEW."number", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."replaced_by", NEW."replaces", NEW."simulated", NEW."source", NEW."valid_from", NEW."valid_to", NEW."verified"); RETURN NULL;',
                    hash="66245e90b8de3f57f8076c8715144c35ea818244",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_bbecd",
                    table="laws_law",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="law",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "laws_lawevent" ("amended_by", "area_code", "id", "issued", "issuer", "key", "kind", "lat", "lon", "name", "number", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "replaced_by", "replaces", "simulated", "source", "valid_from", "valid_to", "verified") VALUES (NEW."amended_by", NEW."area_code", NEW."id", NEW."issued", NEW."issuer", NEW."key", NEW."kind", NEW."lat", NEW."lon", NEW."name", NEW."number", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."replaced_by", NEW."replaces", NEW."simulated", NEW."source", NEW."valid_from", NEW."valid_to", NEW."verified"); RETURN NULL;',
                    hash="fc01669c9f6b629ad4f3e69276daedc2c434a0be",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_1eb3c",
                    table="laws_law",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddField(
            model_name="lawevent",
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
            model_name="lawevent",
            name="pgh_obj",
            field=models.ForeignKey(
                db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name="events", to="laws.law"
            ),
        ),
    ]
