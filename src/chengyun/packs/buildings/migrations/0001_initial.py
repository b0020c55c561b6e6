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
            name="Address",
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
                ("building", models.CharField(blank=True, db_index=True, default="", max_length=64, verbose_name="建筑物")),
                ("province", models.CharField(blank=True, default="", max_length=20, verbose_name="省")),
                ("city", models.CharField(blank=True, default="", max_length=20, verbose_name="市")),
                ("county", models.CharField(blank=True, default="", max_length=20, verbose_name="区县")),
                ("street", models.CharField(blank=True, default="", max_length=40, verbose_name="街道乡镇")),
                ("community", models.CharField(blank=True, default="", max_length=40, verbose_name="社区村")),
                ("road", models.CharField(blank=True, db_index=True, default="", max_length=60, verbose_name="道路")),
                ("lane", models.CharField(blank=True, default="", max_length=20, verbose_name="弄巷")),
                ("number", models.CharField(blank=True, default="", max_length=20, verbose_name="门牌号")),
                ("compound", models.CharField(blank=True, db_index=True, default="", max_length=60, verbose_name="小区")),
                ("block", models.CharField(blank=True, default="", max_length=20, verbose_name="幢")),
                ("unit", models.CharField(blank=True, default="", max_length=20, verbose_name="单元")),
                ("room", models.CharField(blank=True, default="", max_length=20, verbose_name="室")),
            ],
            options={
                "verbose_name": "标准地址",
                "ordering": ["key"],
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="AddressEvent",
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
                ("building", models.CharField(blank=True, default="", max_length=64, verbose_name="建筑物")),
                ("province", models.CharField(blank=True, default="", max_length=20, verbose_name="省")),
                ("city", models.CharField(blank=True, default="", max_length=20, verbose_name="市")),
                ("county", models.CharField(blank=True, default="", max_length=20, verbose_name="区县")),
                ("street", models.CharField(blank=True, default="", max_length=40, verbose_name="街道乡镇")),
                ("community", models.CharField(blank=True, default="", max_length=40, verbose_name="社区村")),
                ("road", models.CharField(blank=True, default="", max_length=60, verbose_name="道路")),
                ("lane", models.CharField(blank=True, default="", max_length=20, verbose_name="弄巷")),
                ("number", models.CharField(blank=True, default="", max_length=20, verbose_name="门牌号")),
                ("compound", models.CharField(blank=True, default="", max_length=60, verbose_name="小区")),
                ("block", models.CharField(blank=True, default="", max_length=20, verbose_name="幢")),
                ("unit", models.CharField(blank=True, default="", max_length=20, verbose_name="单元")),
                ("room", models.CharField(blank=True, default="", max_length=20, verbose_name="室")),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Building",
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
                (
                    "use",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("housing", "住宅"),
                            ("office", "办公"),
                            ("shops", "商业"),
                            ("industry", "工业仓储"),
                            ("public", "公共服务"),
                            ("mixed", "综合"),
                        ],
                        default="",
                        max_length=10,
                        verbose_name="用途",
                    ),
                ),
                (
                    "structure",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("steel", "钢结构"),
                            ("concrete", "钢筋混凝土结构"),
                            ("mixed", "混合结构"),
                            ("brick", "砖木结构"),
                            ("other", "其他结构"),
                        ],
                        default="",
                        max_length=10,
                        verbose_name="结构",
                    ),
                ),
                ("floors", models.PositiveSmallIntegerField(blank=True, null=True, verbose_name="地上层数")),
                ("built", models.PositiveSmallIntegerField(blank=True, null=True, verbose_name="建成年份")),
                ("floor_area", models.FloatField(blank=True, null=True, verbose_name="建筑面积（m²）")),
                ("parcel", models.CharField(blank=True, default="", max_length=28, verbose_name="不动产单元代码")),
                ("address", models.CharField(blank=True, default="", max_length=200, verbose_name="标准地址")),
            ],
            options={
                "verbose_name": "建筑物",
                "ordering": ["key"],
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="BuildingEvent",
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
                (
                    "use",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("housing", "住宅"),
                            ("office", "办公"),
                            ("shops", "商业"),
                            ("industry", "工业仓储"),
                            ("public", "公共服务"),
                            ("mixed", "综合"),
                        ],
                        default="",
                        max_length=10,
                        verbose_name="用途",
                    ),
                ),
                (
                    "structure",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("steel", "钢结构"),
                            ("concrete", "钢筋混凝土结构"),
                            ("mixed", "混合结构"),
                            ("brick", "砖木结构"),
                            ("other", "其他结构"),
                        ],
                        default="",
                        max_length=10,
                        verbose_name="结构",
                    ),
                ),
                ("floors", models.PositiveSmallIntegerField(blank=True, null=True, verbose_name="地上层数")),
                ("built", models.PositiveSmallIntegerField(blank=True, null=True, verbose_name="建成年份")),
                ("floor_area", models.FloatField(blank=True, null=True, verbose_name="建筑面积（m²）")),
                ("parcel", models.CharField(blank=True, default="", max_length=28, verbose_name="不动产单元代码")),
                ("address", models.CharField(blank=True, default="", max_length=200, verbose_name="标准地址")),
            ],
            options={
                "abstract": False,
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="address",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "buildings_addressevent" ("area_code", "block", "building", "city", "community", "compound", "county", "id", "key", "lane", "lat", "lon", "name", "number", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "province", "road", "room", "simulated", "source", "street", "unit", "valid_from", "valid_to") VALUES (NEW."area_code", NEW."block", NEW."building", NEW."city", NEW."community", NEW."compound", NEW."county", NEW."id", NEW."key", NEW."lane", NEW."lat", NEW."lon", NEW."name", NEW."number", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."province", NEW."road", NEW."room", NEW."simulated", NEW."source", NEW."street", NEW."unit", NEW."valid_from", NEW."valid_to"); RETURN NULL;',
                    hash="b6ab5b9ce64ca6ca55c69fa18210f9f3ec36721b",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_d0ff1",
                    table="buildings_address",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="address",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "buildings_addressevent" ("area_code", "block", "building", "city", "community", "compound", "county", "id", "key", "lane", "lat", "lon", "name", "number", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "province", "road", "room", "simulated", "source", "street", "unit", "valid_from", "valid_to") VALUES (NEW."area_code", NEW."block", NEW."building", NEW."city", NEW."community", NEW."compound", NEW."county", NEW."id", NEW."key", NEW."lane", NEW."lat", NEW."lon", NEW."name", NEW."number", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."province", NEW."road", NEW."room", NEW."simulated", NEW."source", NEW."street", NEW."unit", NEW."valid_from", NEW."valid_to"); RETURN NULL;',
                    hash="0d51e9f4892dde560a938136faea91b6e77c219b",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_e4650",
                    table="buildings_address",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddField(
            model_name="addressevent",
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
            model_name="addressevent",
            name="pgh_obj",
            field=models.ForeignKey(
                db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name="events", to="buildings.address"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="building",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "buildings_buildingevent" ("address", "area_code", "built", "floor_area", "floors", "id", "key", "lat", "lon", "name", "parcel", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "simulated", "source", "structure", "use", "valid_from", "valid_to") VALUES (NEW."address", NEW."area_code", NEW."built", NEW."floor_area", NEW."floors", NEW."id", NEW."key", NEW."lat", NEW."lon", NEW."name", NEW."parcel", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."simulated", NEW."source", NEW."structure", NEW."use", NEW."valid_from", NEW."valid_to"); RETURN NULL;',
                    hash="700c1816a94e8db79e11cc5792b5c1b0ddc9888d",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_2e7e7",
                    table="buildings_building",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="building",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "buildings_buildingevent" ("address", "area_code", "built", "floor_area", "floors", "id", "key", "lat", "lon", "name", "parcel", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "simulated", "source", "structure", "use", "valid_from", "valid_to") VALUES (NEW."address", NEW."area_code", NEW."built", NEW."floor_area", NEW."floors", NEW."id", NEW."key", NEW."lat", NEW."lon", NEW."name", NEW."parcel", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."simulated", NEW."source", NEW."structure", NEW."use", NEW."valid_from", NEW."valid_to"); RETURN NULL;',
                    hash="047136c1c05f0de31b759553c5f5f68e3899ab9d",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_1778b",
                    table="buildings_building",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddField(
            model_name="buildingevent",
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
            model_name="buildingevent",
            name="pgh_obj",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="events",
                to="buildings.building",
            ),
        ),
    ]
