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
            name="Household",
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
                    "kind",
                    models.CharField(
                        choices=[("family", "家庭户"), ("collective", "集体户")],
                        default="family",
                        max_length=10,
                        verbose_name="户别",
                    ),
                ),
                ("head", models.CharField(blank=True, default="", max_length=64, verbose_name="户主人员编码")),
                ("building", models.CharField(blank=True, db_index=True, default="", max_length=64, verbose_name="建筑物")),
                ("address", models.CharField(blank=True, default="", max_length=200, verbose_name="地址")),
                ("size", models.PositiveSmallIntegerField(blank=True, null=True, verbose_name="登记人数")),
            ],
            options={
                "verbose_name": "户",
                "ordering": ["key"],
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="HouseholdEvent",
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
                    "kind",
                    models.CharField(
                        choices=[("family", "家庭户"), ("collective", "集体户")],
                        default="family",
                        max_length=10,
                        verbose_name="户别",
                    ),
                ),
                ("head", models.CharField(blank=True, default="", max_length=64, verbose_name="户主人员编码")),
                ("building", models.CharField(blank=True, default="", max_length=64, verbose_name="建筑物")),
                ("address", models.CharField(blank=True, default="", max_length=200, verbose_name="地址")),
                ("size", models.PositiveSmallIntegerField(blank=True, null=True, verbose_name="登记人数")),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Migration",
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
                ("person", models.CharField(db_index=True, max_length=64, verbose_name="人员编码")),
                ("moved_on", models.DateField(blank=True, null=True, verbose_name="迁移日期")),
                ("from_code", models.CharField(blank=True, default="", max_length=12, verbose_name="迁出地行政区划")),
                ("to_code", models.CharField(blank=True, default="", max_length=12, verbose_name="迁入地行政区划")),
                (
                    "reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("work", "务工经商"),
                            ("study", "学习培训"),
                            ("family", "投亲随迁"),
                            ("housing", "购房迁居"),
                            ("other", "其他"),
                        ],
                        default="",
                        max_length=10,
                        verbose_name="迁移原因",
                    ),
                ),
            ],
            options={
                "verbose_name": "人口迁移",
                "ordering": ["key"],
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="MigrationEvent",
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
                ("person", models.CharField(max_length=64, verbose_name="人员编码")),
                ("moved_on", models.DateField(blank=True, null=True, verbose_name="迁移日期")),
                ("from_code", models.CharField(blank=True, default="", max_length=12, verbose_name="迁出地行政区划")),
                ("to_code", models.CharField(blank=True, default="", max_length=12, verbose_name="迁入地行政区划")),
                (
                    "reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("work", "务工经商"),
                            ("study", "学习培训"),
                            ("family", "投亲随迁"),
                            ("housing", "购房迁居"),
                            ("other", "其他"),
                        ],
                        default="",
                        max_length=10,
                        verbose_name="迁移原因",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Person",
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
                    "sex",
                    models.CharField(
                        blank=True,
                        choices=[("0", "未知的性别"), ("1", "男性"), ("2", "女性"), ("9", "未说明的性别")],
                        default="",
                        max_length=1,
                        verbose_name="性别",
                    ),
                ),
                ("birth_date", models.DateField(blank=True, null=True, verbose_name="出生日期")),
                (
                    "id_number",
                    models.CharField(blank=True, db_index=True, default="", max_length=18, verbose_name="公民身份号码"),
                ),
                ("ethnicity", models.CharField(blank=True, default="", max_length=20, verbose_name="民族")),
                (
                    "marriage",
                    models.CharField(
                        blank=True,
                        choices=[("1", "未婚"), ("2", "已婚"), ("3", "丧偶"), ("4", "离婚"), ("9", "未说明的婚姻状况")],
                        default="",
                        max_length=1,
                        verbose_name="婚姻状况",
                    ),
                ),
                ("phone", models.CharField(blank=True, default="", max_length=20, verbose_name="联系电话")),
                (
                    "residence",
                    models.CharField(
                        blank=True,
                        choices=[("registered", "户籍人口"), ("migrant", "流动人口")],
                        default="",
                        max_length=10,
                        verbose_name="居住类别",
                    ),
                ),
                ("origin_code", models.CharField(blank=True, default="", max_length=6, verbose_name="户籍地行政区划")),
                ("household", models.CharField(blank=True, db_index=True, default="", max_length=64, verbose_name="户号")),
                (
                    "relation",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("0", "本人或户主"),
                            ("1", "配偶"),
                            ("2", "子"),
                            ("3", "女"),
                            ("4", "孙子、孙女或外孙子、外孙女"),
                            ("5", "父母"),
                            ("6", "祖父母或外祖父母"),
                            ("7", "兄、弟、姐、妹"),
                            ("8", "其他"),
                        ],
                        default="",
                        max_length=1,
                        verbose_name="与户主关系",
                    ),
                ),
                ("building", models.CharField(blank=True, db_index=True, default="", max_length=64, verbose_name="居住建筑物")),
                ("address", models.CharField(blank=True, default="", max_length=200, verbose_name="居住地址")),
                ("employer", models.CharField(blank=True, default="", max_length=18, verbose_name="工作单位统一社会信用代码")),
            ],
            options={
                "verbose_name": "人口",
                "ordering": ["key"],
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="PersonEvent",
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
                    "sex",
                    models.CharField(
                        blank=True,
                        choices=[("0", "未知的性别"), ("1", "男性"), ("2", "女性"), ("9", "未说明的性别")],
                        default="",
                        max_length=1,
                        verbose_name="性别",
                    ),
                ),
                ("birth_date", models.DateField(blank=True, null=True, verbose_name="出生日期")),
                ("id_number", models.CharField(blank=True, default="", max_length=18, verbose_name="公民身份号码")),
                ("ethnicity", models.CharField(blank=True, default="", max_length=20, verbose_name="民族")),
                (
                    "marriage",
                    models.CharField(
                        blank=True,
                        choices=[("1", "未婚"), ("2", "已婚"), ("3", "丧偶"), ("4", "离婚"), ("9", "未说明的婚姻状况")],
                        default="",
                        max_length=1,
                        verbose_name="婚姻状况",
                    ),
                ),
                ("phone", models.CharField(blank=True, default="", max_length=20, verbose_name="联系电话")),
                (
                    "residence",
                    models.CharField(
                        blank=True,
                        choices=[("registered", "户籍人口"), ("migrant", "流动人口")],
                        default="",
                        max_length=10,
                        verbose_name="居住类别",
                    ),
                ),
                ("origin_code", models.CharField(blank=True, default="", max_length=6, verbose_name="户籍地行政区划")),
                ("household", models.CharField(blank=True, default="", max_length=64, verbose_name="户号")),
                (
                    "relation",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("0", "本人或户主"),
                            ("1", "配偶"),
                            ("2", "子"),
                            ("3", "女"),
                            ("4", "孙子、孙女或外孙子、外孙女"),
                            ("5", "父母"),
                            ("6", "祖父母或外祖父母"),
                            ("7", "兄、弟、姐、妹"),
                            ("8", "其他"),
                        ],
                        default="",
                        max_length=1,
                        verbose_name="与户主关系",
                    ),
                ),
                ("building", models.CharField(blank=True, default="", max_length=64, verbose_name="居住建筑物")),
                ("address", models.CharField(blank=True, default="", max_length=200, verbose_name="居住地址")),
                ("employer", models.CharField(blank=True, default="", max_length=18, verbose_name="工作单位统一社会信用代码")),
            ],
            options={
                "abstract": False,
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="household",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "population_householdevent" ("address", "area_code", "building", "head", "id", "key", "kind", "lat", "lon", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "simulated", "size", "source", "valid_from", "valid_to") VALUES (NEW."address", NEW."area_code", NEW."building", NEW."head", NEW."id", NEW."key", NEW."kind", NEW."lat", NEW."lon", NEW."name", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."simulated", NEW."size", NEW."source", NEW."valid_from", NEW."valid_to"); RETURN NULL;',
                    hash="e418ab82010fc9b049e7ce5a9d5fd2d3eee13ae5",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_066ec",
                    table="population_household",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="household",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "population_householdevent" ("address", "area_code", "building", "head", "id", "key", "kind", "lat", "lon", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "simulated", "size", "source", "valid_from", "valid_to") VALUES (NEW."address", NEW."area_code", NEW."building", NEW."head", NEW."id", NEW."key", NEW."kind", NEW."lat", NEW."lon", NEW."name", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."simulated", NEW."size", NEW."source", NEW."valid_from", NEW."valid_to"); RETURN NULL;',
                    hash="dc45003c41a8866254ab3cb10f19e7185ef29953",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_bb18e",
                    table="population_household",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddField(
            model_name="householdevent",
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
            model_name="householdevent",
            name="pgh_obj",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="events",
                to="population.household",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="migration",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "population_migrationevent" ("area_code", "from_code", "id", "key", "lat", "lon", "moved_on", "name", "person", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "reason", "simulated", "source", "to_code", "valid_from", "valid_to") VALUES (NEW."area_code", NEW."from_code", NEW."id", NEW."key", NEW."lat", NEW."lon", NEW."moved_on", NEW."name", NEW."person", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."reason", NEW."simulated", NEW."source", NEW."to_code", NEW."valid_from", NEW."valid_to"); RETURN NULL;',
                    hash="fcdc7d7176a82ade2800019d13cc89df332a6b2b",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_c0dbd",
                    table="population_migration",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="migration",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "population_migrationevent" ("area_code", "from_code", "id", "key", "lat", "lon", "moved_on", "name", "person", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "reason", "simulated", "source", "to_code", "valid_from", "valid_to") VALUES (NEW."area_code", NEW."from_code", NEW."id", NEW."key", NEW."lat", NEW."lon", NEW."moved_on", NEW."name", NEW."person", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."reason", NEW."simulated", NEW."source", NEW."to_code", NEW."valid_from", NEW."valid_to"); RETURN NULL;',
                    hash="0758d0114d2959bf578a61dcef8ec459914ce9b7",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_92678",
                    table="population_migration",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddField(
            model_name="migrationevent",
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
            model_name="migrationevent",
            name="pgh_obj",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="events",
                to="population.migration",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="person",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "population_personevent" ("address", "area_code", "birth_date", "building", "employer", "ethnicity", "household", "id", "id_number", "key", "lat", "lon", "marriage", "name", "origin_code", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "phone", "relation", "residence", "sex", "simulated", "source", "valid_from", "valid_to") VALUES (NEW."address", NEW."area_code", NEW."birth_date", NEW."building", NEW."employer", NEW."ethnicity", NEW."household", NEW."id", NEW."id_number", NEW."key", NEW."lat", NEW."lon", NEW."marriage", NEW."name", NEW."origin_code", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."phone", NEW."relation", NEW."residence", NEW."sex", NEW."simulated", NEW."source", NEW."valid_from", NEW."valid_to"); RETURN NULL;',
                    hash="6fd81aa0c89ae40b1ae0fe488fe58a15f1f4f433",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_74318",
                    table="population_person",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="person",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "population_personevent" ("address", "area_code", "birth_date", "building", "employer", "ethnicity", "household", "id", "id_number", "key", "lat", "lon", "marriage", "name", "origin_code", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "phone", "relation", "residence", "sex", "simulated", "source", "valid_from", "valid_to") VALUES (NEW."address", NEW."area_code", NEW."birth_date", NEW."building", NEW."employer", NEW."ethnicity", NEW."household", NEW."id", NEW."id_number", NEW."key", NEW."lat", NEW."lon", NEW."marriage", NEW."name", NEW."origin_code", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."phone", NEW."relation", NEW."residence", NEW."sex", NEW."simulated", NEW."source", NEW."valid_from", NEW."valid_to"); RETURN NULL;',
                    hash="05b98e7523073c5bdbb171313e6f3f475fc672a7",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_3f755",
                    table="population_person",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddField(
            model_name="personevent",
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
            model_name="personevent",
            name="pgh_obj",
            field=models.ForeignKey(
                db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name="events", to="population.person"
            ),
        ),
    ]
