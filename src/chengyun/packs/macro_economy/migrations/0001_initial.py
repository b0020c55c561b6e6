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
            name="Figure",
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
                ("series", models.CharField(blank=True, db_index=True, default="", max_length=64, verbose_name="统计序列")),
                ("period", models.CharField(blank=True, default="", max_length=7, verbose_name="时期")),
                ("edition", models.DateField(blank=True, null=True, verbose_name="公布日期")),
                ("value", models.DecimalField(blank=True, decimal_places=4, max_digits=20, null=True, verbose_name="数值")),
                ("note", models.CharField(blank=True, default="", max_length=200, verbose_name="备注")),
            ],
            options={
                "verbose_name": "统计数值",
                "ordering": ["key"],
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="FigureEvent",
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
                ("series", models.CharField(blank=True, default="", max_length=64, verbose_name="统计序列")),
                ("period", models.CharField(blank=True, default="", max_length=7, verbose_name="时期")),
                ("edition", models.DateField(blank=True, null=True, verbose_name="公布日期")),
                ("value", models.DecimalField(blank=True, decimal_places=4, max_digits=20, null=True, verbose_name="数值")),
                ("note", models.CharField(blank=True, default="", max_length=200, verbose_name="备注")),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Series",
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
                ("indicator", models.CharField(blank=True, db_index=True, default="", max_length=100, verbose_name="指标")),
                ("area_name", models.CharField(blank=True, default="", max_length=60, verbose_name="地区")),
                ("unit", models.CharField(blank=True, default="", max_length=30, verbose_name="单位")),
                (
                    "frequency",
                    models.CharField(
                        choices=[("A", "年"), ("Q", "季"), ("M", "月")], default="A", max_length=1, verbose_name="频率"
                    ),
                ),
                ("scope", models.CharField(blank=True, default="", max_length=200, verbose_name="口径")),
                ("publisher", models.CharField(blank=True, default="", max_length=100, verbose_name="发布机构")),
            ],
            options={
                "verbose_name": "统计序列",
                "ordering": ["key"],
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="SeriesEvent",
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
                ("indicator", models.CharField(blank=True, default="", max_length=100, verbose_name="指标")),
                ("area_name", models.CharField(blank=True, default="", max_length=60, verbose_name="地区")),
                ("unit", models.CharField(blank=True, default="", max_length=30, verbose_name="单位")),
                (
                    "frequency",
                    models.CharField(
                        choices=[("A", "年"), ("Q", "季"), ("M", "月")], default="A", max_length=1, verbose_name="频率"
                    ),
                ),
                ("scope", models.CharField(blank=True, default="", max_length=200, verbose_name="口径")),
                ("publisher", models.CharField(blank=True, default="", max_length=100, verbose_name="发布机构")),
            ],
            options={
                "abstract": False,
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="figure",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "macro_economy_figureevent" ("area_code", "edition", "id", "key", "lat", "lon", "name", "note", "period", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "series", "simulated", "source", "valid_from", "valid_to", "value") VALUES (NEW."area_code", NEW."edition", NEW."id", NEW."key", NEW."lat", NEW."lon", NEW."name", NEW."note", NEW."period", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."series", NEW."simulated", NEW."source", NEW."valid_from", NEW."valid_to", NEW."value"); RETURN NULL;',
                    hash="915ee967494776f9aaeabc738fdda982c3b98704",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_25a7a",
                    table="macro_economy_figure",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="figure",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "macro_economy_figureevent" ("area_code", "edition", "id", "key", "lat", "lon", "name", "note", "period", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "series", "simulated", "source", "valid_from", "valid_to", "value") VALUES (NEW."area_code", NEW."edition", NEW."id", NEW."key", NEW."lat", NEW."lon", NEW."name", NEW."note", NEW."period", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."series", NEW."simulated", NEW."source", NEW."valid_from", NEW."valid_to", NEW."value"); RETURN NULL;',
                    hash="851979e38df8f374f9dec8a419e2bba829fe6a1b",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_930fa",
                    table="macro_economy_figure",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddField(
            model_name="figureevent",
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
            model_name="figureevent",
            name="pgh_obj",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="events",
                to="macro_economy.figure",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="series",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "macro_economy_seriesevent" ("area_code", "area_name", "frequency", "id", "indicator", "key", "lat", "lon", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "publisher", "scope", "simulated", "source", "unit", "valid_from", "valid_to") VALUES (NEW."area_code", NEW."area_name", NEW."frequency", NEW."id", NEW."indicator", NEW."key", NEW."lat", NEW."lon", NEW."name", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."publisher", NEW."scope", NEW."simulated", NEW."source", NEW."unit", NEW."valid_from", NEW."valid_to"); RETURN NULL;',
                    hash="519b0d4a545c821914e639728b5a51a0ed53534a",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_ae416",
                    table="macro_economy_series",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="series",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "macro_economy_seriesevent" ("area_code", "area_name", "frequency", "id", "indicator", "key", "lat", "lon", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "publisher", "scope", "simulated", "source", "unit", "valid_from", "valid_to") VALUES (NEW."area_code", NEW."area_name", NEW."frequency", NEW."id", NEW."indicator", NEW."key", NEW."lat", NEW."lon", NEW."name", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."publisher", NEW."scope", NEW."simulated", NEW."source", NEW."unit", NEW."valid_from", NEW."valid_to"); RETURN NULL;',
                    hash="d9eb66513a0ef975cc5c0815642c70c109d23fbf",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_68c74",
                    table="macro_economy_series",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddField(
            model_name="seriesevent",
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
            model_name="seriesevent",
            name="pgh_obj",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="events",
                to="macro_economy.series",
            ),
        ),
    ]
