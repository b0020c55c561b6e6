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
            name="ComponentEvent",
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
                ("category", models.CharField(max_length=64, verbose_name="类别")),
                ("catalog_version", models.CharField(blank=True, default="", max_length=40, verbose_name="分类目录版本")),
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
                        default="intact",
                        max_length=8,
                        verbose_name="状态",
                    ),
                ),
                ("owner", models.CharField(blank=True, default="", max_length=100, verbose_name="权属单位")),
                ("keeper", models.CharField(blank=True, default="", max_length=100, verbose_name="养护单位")),
                ("address", models.CharField(blank=True, default="", max_length=200, verbose_name="地址")),
                ("grid_code", models.CharField(blank=True, default="", max_length=15, verbose_name="单元网格")),
                ("installed", models.DateField(blank=True, null=True, verbose_name="安装日期")),
                ("inspected_at", models.DateTimeField(blank=True, null=True, verbose_name="最近检查")),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Component",
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
                ("category", models.CharField(max_length=64, verbose_name="类别")),
                ("catalog_version", models.CharField(blank=True, default="", max_length=40, verbose_name="分类目录版本")),
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
                        default="intact",
                        max_length=8,
                        verbose_name="状态",
                    ),
                ),
                ("owner", models.CharField(blank=True, default="", max_length=100, verbose_name="权属单位")),
                ("keeper", models.CharField(blank=True, default="", max_length=100, verbose_name="养护单位")),
                ("address", models.CharField(blank=True, default="", max_length=200, verbose_name="地址")),
                ("grid_code", models.CharField(blank=True, default="", max_length=15, verbose_name="单元网格")),
                ("installed", models.DateField(blank=True, null=True, verbose_name="安装日期")),
                ("inspected_at", models.DateTimeField(blank=True, null=True, verbose_name="最近检查")),
            ],
            options={
                "verbose_name": "部件",
                "ordering": ["key"],
                "abstract": False,
                "indexes": [
                    models.Index(fields=["category", "inspected_at"], name="component_category"),
                    models.Index(
                        condition=models.Q(("grid_code", ""), _negated=True), fields=["grid_code"], name="component_grid"
                    ),
                ],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="component",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "urban_management_componentevent" ("address", "area_code", "catalog_version", "category", "grid_code", "id", "inspected_at", "installed", "keeper", "key", "lat", "lon", "name", "owner", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "simulated", "source", "state", "valid_from", "valid_to") VALUES (NEW."address", NEW."area_code", NEW."catalog_version", NEW."category", NEW."grid_code", NEW."id", NEW."inspected_at", NEW."installed", NEW."keeper", NEW."key", NEW."lat", NEW."lon", NEW."name", NEW."owner", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."simulated", NEW."source", NEW."state", NEW."valid_from", NEW."valid_to"); RETURN NULL;',
                    hash="6fd4d96e8522e291c78dbb74b4faeba6638f99d1",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_ec0dc",
                    table="urban_management_component",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="component",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "urban_management_componentevent" ("address", "area_code", "catalog_version", "category", "grid_code", "id", "inspected_at", "installed", "keeper", "key", "lat", "lon", "name", "owner", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "simulated", "source", "state", "valid_from", "valid_to") VALUES (NEW."address", NEW."area_code", NEW."catalog_version", NEW."category", NEW."grid_code", NEW."id", NEW."inspected_at", NEW."installed", NEW."keeper", NEW."key", NEW."lat", NEW."lon", NEW."name", NEW."owner", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."simulated", NEW."source", NEW."state", NEW."valid_from", NEW."valid_to"); RETURN NULL;',
                    hash="582440a421dc76c93658283d62afc92b51063a6d",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_0d7cb",
                    table="urban_management_component",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddField(
            model_name="componentevent",
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
            model_name="componentevent",
            name="pgh_obj",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="events",
                to="urban_management.component",
            ),
        ),
    ]
