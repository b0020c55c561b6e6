# SPDX-License-Identifier: Apache-2.0

import django.contrib.postgres.fields
import django.core.serializers.json
import django.db.models.deletion
import django.db.models.functions.datetime
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("access", "0007_wall"),
        ("pghistory", "0007_auto_20250421_0444"),
    ]

    operations = [
        migrations.CreateModel(
            name="Nonce",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key_id", models.CharField(max_length=64)),
                ("nonce", models.CharField(max_length=64)),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "indexes": [models.Index(fields=["at"], name="exchange_nonce_at")],
                "constraints": [models.UniqueConstraint(fields=("key_id", "nonce"), name="exchange_nonce_once")],
            },
        ),
        migrations.CreateModel(
            name="Party",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key_id", models.CharField(max_length=64, unique=True, verbose_name="公钥指纹")),
                ("jwk", models.JSONField(verbose_name="公钥")),
                ("name", models.CharField(max_length=100, verbose_name="名称")),
                ("since", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="起")),
                ("revoked_at", models.DateTimeField(blank=True, null=True, verbose_name="撤销")),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="parties",
                        to="access.organisation",
                        verbose_name="部门",
                    ),
                ),
            ],
            options={
                "verbose_name": "交换方",
                "verbose_name_plural": "交换方",
                "ordering": ["name", "id"],
            },
        ),
        migrations.CreateModel(
            name="BulkFile",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.UUIDField(unique=True)),
                ("dataset", models.CharField(max_length=128, verbose_name="信息资源")),
                ("purpose", models.CharField(blank=True, default="", max_length=32, verbose_name="用途")),
                ("format", models.CharField(max_length=8, verbose_name="格式")),
                ("since_version", models.BigIntegerField(default=0)),
                (
                    "state",
                    models.CharField(
                        choices=[("waiting", "待生成"), ("ready", "可下载"), ("failed", "失败"), ("gone", "已清除")],
                        default="waiting",
                        max_length=8,
                        verbose_name="状态",
                    ),
                ),
                ("reason", models.CharField(blank=True, default="", max_length=300, verbose_name="原因")),
                ("manifest", models.JSONField(default=dict, encoder=django.core.serializers.json.DjangoJSONEncoder)),
                ("made_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "party",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="files", to="exchange.party"),
                ),
            ],
            options={
                "verbose_name": "批量文件",
                "verbose_name_plural": "批量文件",
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="PartyEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                ("key_id", models.CharField(max_length=64, verbose_name="公钥指纹")),
                ("jwk", models.JSONField(verbose_name="公钥")),
                ("name", models.CharField(max_length=100, verbose_name="名称")),
                ("since", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="起")),
                ("revoked_at", models.DateTimeField(blank=True, null=True, verbose_name="撤销")),
                (
                    "organisation",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="access.organisation",
                        verbose_name="部门",
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
                        to="exchange.party",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Receipt",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.UUIDField(unique=True)),
                ("at", models.DateTimeField(db_index=True)),
                ("way", models.CharField(max_length=16, verbose_name="方式")),
                ("provider", models.CharField(max_length=64, verbose_name="提供方")),
                ("consumer", models.CharField(max_length=64, verbose_name="使用方")),
                ("dataset", models.CharField(max_length=128, verbose_name="信息资源")),
                ("purpose", models.CharField(blank=True, default="", max_length=32, verbose_name="用途")),
                (
                    "grants",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=16), default=list, size=None
                    ),
                ),
                ("rows", models.BigIntegerField(verbose_name="行数")),
                ("bytes", models.BigIntegerField(default=0, verbose_name="字节")),
                ("entry", models.BigIntegerField(unique=True)),
                ("countersigned_at", models.DateTimeField(null=True, verbose_name="回签")),
                ("disclaimed_at", models.DateTimeField(null=True, verbose_name="声明未收到")),
            ],
            options={
                "verbose_name": "交换凭证",
                "verbose_name_plural": "交换凭证",
                "ordering": ["-id"],
                "indexes": [models.Index(fields=["consumer", "-id"], name="exchange_receipt_consumer")],
            },
        ),
        migrations.CreateModel(
            name="Subscription",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.UUIDField(unique=True)),
                ("dataset", models.CharField(max_length=128, verbose_name="信息资源")),
                ("purpose", models.CharField(blank=True, default="", max_length=32, verbose_name="用途")),
                (
                    "fields",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=63), default=list, size=None
                    ),
                ),
                ("url", models.CharField(blank=True, default="", max_length=300, verbose_name="推送地址")),
                ("version", models.BigIntegerField(default=0, verbose_name="已确认版本")),
                ("made_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="建立")),
                ("acknowledged_at", models.DateTimeField(null=True, verbose_name="确认")),
                ("failures", models.IntegerField(default=0, verbose_name="连续失败")),
                ("reason", models.CharField(blank=True, default="", max_length=300, verbose_name="失败原因")),
                ("retry_at", models.DateTimeField(null=True, verbose_name="重试")),
                ("ended_at", models.DateTimeField(null=True, verbose_name="结束")),
                (
                    "party",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="subscriptions",
                        to="exchange.party",
                        verbose_name="交换方",
                    ),
                ),
            ],
            options={
                "verbose_name": "订阅",
                "verbose_name_plural": "订阅",
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="Target",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.SlugField(max_length=64, unique=True, verbose_name="标识")),
                ("dataset", models.CharField(max_length=128, verbose_name="信息资源")),
                ("purpose", models.CharField(blank=True, default="", max_length=32, verbose_name="用途")),
                ("address", models.TextField()),
                ("table", models.CharField(max_length=63, verbose_name="目标表")),
                ("version", models.BigIntegerField(default=0, verbose_name="已推送版本")),
                ("pushed_at", models.DateTimeField(null=True, verbose_name="推送")),
                ("reason", models.CharField(blank=True, default="", max_length=300, verbose_name="失败原因")),
                (
                    "party",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="targets",
                        to="exchange.party",
                        verbose_name="交换方",
                    ),
                ),
            ],
            options={
                "verbose_name": "推送目标",
                "verbose_name_plural": "推送目标",
                "ordering": ["name"],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="party",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "exchange_partyevent" ("id", "jwk", "key_id", "name", "organisation_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "revoked_at", "since") VALUES (NEW."id", NEW."jwk", NEW."key_id", NEW."name", NEW."organisation_id", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."revoked_at", NEW."since"); RETURN NULL;',
                    hash="5c051799afd4ecaad5b708dc8a14195056f3832c",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_ce9fa",
                    table="exchange_party",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="party",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "exchange_partyevent" ("id", "jwk", "key_id", "name", "organisation_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "revoked_at", "since") VALUES (NEW."id", NEW."jwk", NEW."key_id", NEW."name", NEW."organisation_id", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."revoked_at", NEW."since"); RETURN NULL;',
                    hash="f79be860477e708587e648beb61b5fb8dc371e0e",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_cf82e",
                    table="exchange_party",
                    when="AFTER",
                ),
            ),
        ),
    ]
