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
            name="Asking",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.UUIDField(unique=True)),
                ("ours", models.BooleanField()),
                ("dataset", models.CharField(max_length=128, verbose_name="信息资源")),
                ("purpose", models.CharField(max_length=32, verbose_name="用途")),
                ("basis", models.CharField(blank=True, default="", max_length=300, verbose_name="依据")),
                ("fields", models.JSONField(default=dict, verbose_name="字段")),
                ("area_code", models.CharField(blank=True, default="", max_length=15, verbose_name="区域")),
                ("days", models.IntegerField(default=365, verbose_name="期限（天）")),
                (
                    "state",
                    models.CharField(
                        choices=[("waiting", "待答复"), ("granted", "已授权"), ("refused", "已拒绝"), ("revoked", "已撤销")],
                        default="waiting",
                        max_length=8,
                        verbose_name="状态",
                    ),
                ),
                ("step", models.IntegerField(default=1)),
                ("grant", models.CharField(blank=True, default="", max_length=16, verbose_name="授权")),
                ("reason", models.CharField(blank=True, default="", max_length=300, verbose_name="理由")),
                ("made_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("answered_at", models.DateTimeField(null=True, verbose_name="答复")),
            ],
            options={
                "verbose_name": "跨节点申请",
                "verbose_name_plural": "跨节点申请",
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="Neighbour",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=63, unique=True, verbose_name="节点")),
                ("title", models.CharField(blank=True, default="", max_length=100, verbose_name="名称")),
                ("address", models.CharField(max_length=300, verbose_name="地址")),
                ("keys", models.JSONField(default=dict, verbose_name="公钥")),
                ("active", models.BooleanField(default=True, verbose_name="启用")),
                ("harvested_at", models.DateTimeField(null=True, verbose_name="目录采集")),
                ("seen_at", models.DateTimeField(null=True, verbose_name="最近应答")),
                ("failing_since", models.DateTimeField(null=True, verbose_name="失联自")),
                ("reason", models.CharField(blank=True, default="", max_length=300, verbose_name="原因")),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="access.organisation",
                        verbose_name="部门",
                    ),
                ),
            ],
            options={
                "verbose_name": "相邻节点",
                "verbose_name_plural": "相邻节点",
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="Mirror",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("dataset", models.CharField(max_length=128, verbose_name="信息资源")),
                ("purpose", models.CharField(blank=True, default="", max_length=32, verbose_name="用途")),
                (
                    "fields",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=63), default=list, size=None
                    ),
                ),
                ("table", models.CharField(max_length=63, unique=True)),
                ("version", models.BigIntegerField(default=0, verbose_name="版本")),
                ("filled", models.BooleanField(default=False)),
                ("as_of", models.BigIntegerField(null=True)),
                ("after", models.CharField(blank=True, default="", max_length=200)),
                ("rows", models.BigIntegerField(default=0, verbose_name="行数")),
                ("drawn_at", models.DateTimeField(null=True, verbose_name="更新")),
                ("reason", models.CharField(blank=True, default="", max_length=300, verbose_name="失败原因")),
                ("retry_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("failures", models.IntegerField(default=0)),
                (
                    "neighbour",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="mirrors", to="federation.neighbour"
                    ),
                ),
            ],
            options={
                "verbose_name": "镜像",
                "verbose_name_plural": "镜像",
                "ordering": ["neighbour", "dataset"],
            },
        ),
        migrations.CreateModel(
            name="AskingEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                ("number", models.UUIDField()),
                ("ours", models.BooleanField()),
                ("dataset", models.CharField(max_length=128, verbose_name="信息资源")),
                ("purpose", models.CharField(max_length=32, verbose_name="用途")),
                ("basis", models.CharField(blank=True, default="", max_length=300, verbose_name="依据")),
                ("fields", models.JSONField(default=dict, verbose_name="字段")),
                ("area_code", models.CharField(blank=True, default="", max_length=15, verbose_name="区域")),
                ("days", models.IntegerField(default=365, verbose_name="期限（天）")),
                (
                    "state",
                    models.CharField(
                        choices=[("waiting", "待答复"), ("granted", "已授权"), ("refused", "已拒绝"), ("revoked", "已撤销")],
                        default="waiting",
                        max_length=8,
                        verbose_name="状态",
                    ),
                ),
                ("step", models.IntegerField(default=1)),
                ("grant", models.CharField(blank=True, default="", max_length=16, verbose_name="授权")),
                ("reason", models.CharField(blank=True, default="", max_length=300, verbose_name="理由")),
                ("made_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("answered_at", models.DateTimeField(null=True, verbose_name="答复")),
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
                        to="federation.asking",
                    ),
                ),
                (
                    "neighbour",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="federation.neighbour",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.AddField(
            model_name="asking",
            name="neighbour",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="askings", to="federation.neighbour"
            ),
        ),
        migrations.CreateModel(
            name="NeighbourEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                ("name", models.CharField(max_length=63, verbose_name="节点")),
                ("title", models.CharField(blank=True, default="", max_length=100, verbose_name="名称")),
                ("address", models.CharField(max_length=300, verbose_name="地址")),
                ("keys", models.JSONField(default=dict, verbose_name="公钥")),
                ("active", models.BooleanField(default=True, verbose_name="启用")),
                ("harvested_at", models.DateTimeField(null=True, verbose_name="目录采集")),
                ("seen_at", models.DateTimeField(null=True, verbose_name="最近应答")),
                ("failing_since", models.DateTimeField(null=True, verbose_name="失联自")),
                ("reason", models.CharField(blank=True, default="", max_length=300, verbose_name="原因")),
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
                        to="federation.neighbour",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Offered",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=128, verbose_name="信息资源")),
                ("document", models.JSONField()),
                ("digest", models.CharField(max_length=64)),
                ("seen_at", models.DateTimeField()),
                ("gone_at", models.DateTimeField(null=True)),
                (
                    "neighbour",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="offered", to="federation.neighbour"
                    ),
                ),
            ],
            options={
                "ordering": ["neighbour", "key"],
            },
        ),
        migrations.CreateModel(
            name="Sent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.UUIDField(unique=True)),
                ("kind", models.CharField(max_length=32)),
                ("subject", models.CharField(max_length=64)),
                ("step", models.IntegerField(default=1)),
                ("body", models.JSONField(encoder=django.core.serializers.json.DjangoJSONEncoder)),
                ("made_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("taken_at", models.DateTimeField(null=True)),
                ("outcome", models.CharField(blank=True, default="", max_length=16)),
                ("reason", models.CharField(blank=True, default="", max_length=300)),
                ("attempts", models.IntegerField(default=0)),
                ("retry_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "neighbour",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="sent", to="federation.neighbour"
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="Taken",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.UUIDField()),
                ("kind", models.CharField(max_length=32)),
                ("subject", models.CharField(max_length=64)),
                ("step", models.IntegerField()),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("outcome", models.CharField(max_length=16)),
                ("reason", models.CharField(blank=True, default="", max_length=300)),
                (
                    "neighbour",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="taken", to="federation.neighbour"
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="neighbour",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "federation_neighbourevent" ("active", "address", "failing_since", "harvested_at", "id", "keys", "name", "organisation_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "reason", "seen_at", "title") VALUES (NEW."active", NEW."address", NEW."failing_since", NEW."harvested_at", NEW."id", NEW."keys", NEW."name", NEW."organisation_id", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."reason", NEW."seen_at", NEW."title"); RETURN NULL;',
                    hash="6eca15cfe93d1ae9882c4df11bc80354c8459f92",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_70e99",
                    table="federation_neighbour",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="neighbour",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "federation_neighbourevent" ("active", "address", "failing_since", "harvested_at", "id", "keys", "name", "organisation_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "reason", "seen_at", "title") VALUES (NEW."active", NEW."address", NEW."failing_since", NEW."harvested_at", NEW."id", NEW."keys", NEW."name", NEW."organisation_id", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."reason", NEW."seen_at", NEW."title"); RETURN NULL;',
                    hash="f868c6b33910a2b75d3509aee557580c5edf9537",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_aa652",
                    table="federation_neighbour",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="mirror",
            constraint=models.UniqueConstraint(fields=("neighbour", "dataset", "purpose"), name="federation_mirror_once"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="asking",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "federation_askingevent" ("answered_at", "area_code", "basis", "dataset", "days", "fields", "grant", "id", "made_at", "neighbour_id", "number", "ours", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "purpose", "reason", "state", "step") VALUES (NEW."answered_at", NEW."area_code", NEW."basis", NEW."dataset", NEW."days", NEW."fields", NEW."grant", NEW."id", NEW."made_at", NEW."neighbour_id", NEW."number", NEW."ours", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."purpose", NEW."reason", NEW."state", NEW."step"); RETURN NULL;',
                    hash="7b5823ae0c3e9b57ed11fb419405d9419d4c5806",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_e7323",
                    table="federation_asking",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="asking",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "federation_askingevent" ("answered_at", "area_code", "basis", "dataset", "days", "fields", "grant", "id", "made_at", "neighbour_id", "number", "ours", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "purpose", "reason", "state", "step") VALUES (NEW."answered_at", NEW."area_code", NEW."basis", NEW."dataset", NEW."days", NEW."fields", NEW."grant", NEW."id", NEW."made_at", NEW."neighbour_id", NEW."number", NEW."ours", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."purpose", NEW."reason", NEW."state", NEW."step"); RETURN NULL;',
                    hash="cfe5f72aec4e9ed1468441a2a613eaa6f3bc589d",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_ccedb",
                    table="federation_asking",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="offered",
            constraint=models.UniqueConstraint(fields=("neighbour", "key"), name="federation_offered_once"),
        ),
        migrations.AddIndex(
            model_name="sent",
            index=models.Index(condition=models.Q(("taken_at", None)), fields=["neighbour", "id"], name="federation_sent_open"),
        ),
        migrations.AddIndex(
            model_name="taken",
            index=models.Index(fields=["neighbour", "subject", "-step"], name="federation_taken_subject"),
        ),
        migrations.AddConstraint(
            model_name="taken",
            constraint=models.UniqueConstraint(fields=("neighbour", "number"), name="federation_taken_once"),
        ),
    ]
