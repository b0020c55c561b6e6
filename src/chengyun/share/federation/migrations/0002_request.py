# SPDX-License-Identifier: Apache-2.0
import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("federation", "0001_initial"),
        ("requests", "0001_first"),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name="asking",
            name="insert_insert",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="asking",
            name="update_update",
        ),
        migrations.AddField(
            model_name="asking",
            name="request",
            field=models.OneToOneField(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="asking", to="requests.request"
            ),
        ),
        migrations.AddField(
            model_name="askingevent",
            name="request",
            field=models.ForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="requests.request",
            ),
        ),
        migrations.AlterField(
            model_name="asking",
            name="state",
            field=models.CharField(
                choices=[
                    ("waiting", "待答复"),
                    ("granted", "已授权"),
                    ("refused", "已拒绝"),
                    ("revoked", "已撤销"),
                    ("returned", "退回补正"),
                    ("ended", "已到期"),
                ],
                default="waiting",
                max_length=8,
                verbose_name="状态",
            ),
        ),
        migrations.AlterField(
            model_name="askingevent",
            name="state",
            field=models.CharField(
                choices=[
                    ("waiting", "待答复"),
                    ("granted", "已授权"),
                    ("refused", "已拒绝"),
                    ("revoked", "已撤销"),
                    ("returned", "退回补正"),
                    ("ended", "已到期"),
                ],
                default="waiting",
                max_length=8,
                verbose_name="状态",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="asking",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "federation_askingevent" ("answered_at", "area_code", "basis", "dataset", "days", "fields", "grant", "id", "made_at", "neighbour_id", "number", "ours", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "purpose", "reason", "request_id", "state", "step") VALUES (NEW."answered_at", NEW."area_code", NEW."basis", NEW."dataset", NEW."days", NEW."fields", NEW."grant", NEW."id", NEW."made_at", NEW."neighbour_id", NEW."number", NEW."ours", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."purpose", NEW."reason", NEW."request_id", NEW."state", NEW."step"); RETURN NULL;',
                    hash="94e21cbdf4935efbca8e606ddc0a361b97b9de41",
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
                    func='INSERT INTO "federation_askingevent" ("answered_at", "area_code", "basis", "dataset", "days", "fields", "grant", "id", "made_at", "neighbour_id", "number", "ours", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "purpose", "reason", "request_id", "state", "step") VALUES (NEW."answered_at", NEW."area_code", NEW."basis", NEW."dataset", NEW."days", NEW."fields", NEW."grant", NEW."id", NEW."made_at", NEW."neighbour_id", NEW."number", NEW."ours", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."purpose", NEW."reason", NEW."request_id", NEW."state", NEW."step"); RETURN NULL;',
                    hash="9b76d21a8aa00c935d8e6a5f09e7eae6d54d4c3e",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_ccedb",
                    table="federation_asking",
                    when="AFTER",
                ),
            ),
        ),
    ]
