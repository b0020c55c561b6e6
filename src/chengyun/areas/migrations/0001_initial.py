# SPDX-License-Identifier: Apache-2.0
import uuid

import django.contrib.postgres.constraints
import django.contrib.postgres.fields
import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.contrib.postgres.operations import BtreeGistExtension
from django.db import migrations, models

import chengyun.areas.models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("pghistory", "0007_auto_20250421_0444"),
    ]

    operations = [
        # Codes and spans of days in one exclusion constraint; trusted, so the database's owner may install it.
        BtreeGistExtension(),
        migrations.CreateModel(
            name="AreaEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                ("code", models.CharField(max_length=15, verbose_name="编码")),
                (
                    "level",
                    models.CharField(
                        choices=[
                            ("city", "市"),
                            ("district", "区县"),
                            ("street", "街道"),
                            ("community", "社区"),
                            ("grid", "网格"),
                        ],
                        max_length=9,
                        verbose_name="层级",
                    ),
                ),
                ("name", models.CharField(max_length=100, verbose_name="名称")),
                ("name_en", models.CharField(blank=True, default="", max_length=100, verbose_name="英文名")),
                ("parent_code", models.CharField(blank=True, default="", max_length=12, verbose_name="上级编码")),
                ("valid_from", models.DateField(verbose_name="生效日期")),
                ("valid_to", models.DateField(blank=True, null=True, verbose_name="失效日期")),
                (
                    "successors",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=15), blank=True, default=list, size=None, verbose_name="后继编码"
                    ),
                ),
                ("lon", models.FloatField(blank=True, null=True, verbose_name="经度")),
                ("lat", models.FloatField(blank=True, null=True, verbose_name="纬度")),
                ("boundary", models.BinaryField(blank=True, null=True)),
                ("outline", models.JSONField(blank=True, null=True)),
                ("source", models.CharField(blank=True, default="", max_length=300, verbose_name="来源")),
                ("source_crs", models.CharField(blank=True, default="", max_length=16, verbose_name="原坐标系")),
                ("demonstration", models.BooleanField(default=False, verbose_name="演示")),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="TreeVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("token", models.UUIDField(default=uuid.uuid4)),
            ],
        ),
        migrations.CreateModel(
            name="Area",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.CharField(max_length=15, verbose_name="编码")),
                (
                    "level",
                    models.CharField(
                        choices=[
                            ("city", "市"),
                            ("district", "区县"),
                            ("street", "街道"),
                            ("community", "社区"),
                            ("grid", "网格"),
                        ],
                        max_length=9,
                        verbose_name="层级",
                    ),
                ),
                ("name", models.CharField(max_length=100, verbose_name="名称")),
                ("name_en", models.CharField(blank=True, default="", max_length=100, verbose_name="英文名")),
                ("parent_code", models.CharField(blank=True, default="", max_length=12, verbose_name="上级编码")),
                ("valid_from", models.DateField(verbose_name="生效日期")),
                ("valid_to", models.DateField(blank=True, null=True, verbose_name="失效日期")),
                (
                    "successors",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=15), blank=True, default=list, size=None, verbose_name="后继编码"
                    ),
                ),
                ("lon", models.FloatField(blank=True, null=True, verbose_name="经度")),
                ("lat", models.FloatField(blank=True, null=True, verbose_name="纬度")),
                ("boundary", models.BinaryField(blank=True, null=True)),
                ("outline", models.JSONField(blank=True, null=True)),
                ("source", models.CharField(blank=True, default="", max_length=300, verbose_name="来源")),
                ("source_crs", models.CharField(blank=True, default="", max_length=16, verbose_name="原坐标系")),
                ("demonstration", models.BooleanField(default=False, verbose_name="演示")),
            ],
            options={
                "verbose_name": "区域",
                "verbose_name_plural": "区域",
                "ordering": ["code", "valid_from"],
                "constraints": [
                    models.UniqueConstraint(fields=("code", "valid_from"), name="areas_area_code_valid_from"),
                    models.CheckConstraint(
                        condition=models.Q(("valid_to", None), ("valid_to__gt", models.F("valid_from")), _connector="OR"),
                        name="areas_area_days_in_order",
                    ),
                    django.contrib.postgres.constraints.ExclusionConstraint(
                        expressions=[("code", "="), (chengyun.areas.models.Days("valid_from", "valid_to"), "&&")],
                        name="areas_area_no_two_at_once",
                    ),
                ],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="area",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "areas_areaevent" ("boundary", "code", "demonstration", "id", "lat", "level", "lon", "name", "name_en", "outline", "parent_code", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "source", "source_crs", "successors", "valid_from", "valid_to") VALUES (NEW."boundary", NEW."code", NEW."demonstration", NEW."id", NEW."lat", NEW."level", NEW."lon", NEW."name", NEW."name_en", NEW."outline", NEW."parent_code", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."source", NEW."source_crs", NEW."successors", NEW."valid_from", NEW."valid_to"); RETURN NULL;',
                    hash="7881339c35b9cb40f02834dc802379e7de21a8f5",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_e5c2d",
                    table="areas_area",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="area",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "areas_areaevent" ("boundary", "code", "demonstration", "id", "lat", "level", "lon", "name", "name_en", "outline", "parent_code", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "source", "source_crs", "successors", "valid_from", "valid_to") VALUES (NEW."boundary", NEW."code", NEW."demonstration", NEW."id", NEW."lat", NEW."level", NEW."lon", NEW."name", NEW."name_en", NEW."outline", NEW."parent_code", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."source", NEW."source_crs", NEW."successors", NEW."valid_from", NEW."valid_to"); RETURN NULL;',
                    hash="a5335b74873a86e9ddfeb56d11b4344821fe020d",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_e3393",
                    table="areas_area",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddField(
            model_name="areaevent",
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
            model_name="areaevent",
            name="pgh_obj",
            field=models.ForeignKey(
                db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name="events", to="areas.area"
            ),
        ),
    ]
