# SPDX-License-Identifier: Apache-2.0
import django.db.models.deletion
import django.db.models.functions.datetime
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

# Grants there are get the number of the year they began in; the constraint follows.
NUMBER = """
UPDATE access_grant SET number = made.number FROM (
    SELECT id, 'G' || to_char(since, 'YYYY')
           || lpad((row_number() OVER (PARTITION BY to_char(since, 'YYYY') ORDER BY id))::text, 4, '0') AS number
    FROM access_grant
) AS made WHERE made.id = access_grant.id
"""


class Migration(migrations.Migration):
    dependencies = [
        ("access", "0004_casework"),
    ]

    operations = [
        migrations.CreateModel(
            name="GrantUse",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField()),
                ("reads", models.PositiveIntegerField(default=0)),
                ("rows", models.PositiveBigIntegerField(default=0)),
                ("last_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "ordering": ["grant", "day"],
            },
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="grant",
            name="insert_insert",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="grant",
            name="update_update",
        ),
        migrations.AddField(
            model_name="grant",
            name="frequency",
            field=models.PositiveIntegerField(blank=True, null=True, verbose_name="每日次数"),
        ),
        migrations.AddField(
            model_name="grant",
            name="number",
            field=models.CharField(blank=True, default="", editable=False, max_length=16, verbose_name="编号"),
        ),
        migrations.AddField(
            model_name="grant",
            name="request",
            field=models.CharField(blank=True, db_index=True, default="", max_length=16, verbose_name="申请"),
        ),
        migrations.AddField(
            model_name="grant",
            name="retention_days",
            field=models.PositiveIntegerField(blank=True, null=True, verbose_name="留存天数"),
        ),
        migrations.AddField(
            model_name="grant",
            name="revoke_reason",
            field=models.CharField(blank=True, default="", editable=False, max_length=300, verbose_name="撤销原因"),
        ),
        migrations.AddField(
            model_name="grant",
            name="revoked_at",
            field=models.DateTimeField(blank=True, editable=False, null=True, verbose_name="撤销"),
        ),
        migrations.AddField(
            model_name="grant",
            name="rows",
            field=models.JSONField(blank=True, default=dict, verbose_name="行条件"),
        ),
        migrations.AddField(
            model_name="grant",
            name="rows_since",
            field=models.DateTimeField(blank=True, null=True, verbose_name="数据起"),
        ),
        migrations.AddField(
            model_name="grant",
            name="rows_until",
            field=models.DateTimeField(blank=True, null=True, verbose_name="数据止"),
        ),
        migrations.AddField(
            model_name="grant",
            name="shown",
            field=models.JSONField(blank=True, default=dict, verbose_name="字段"),
        ),
        migrations.AddField(
            model_name="grant",
            name="terms",
            field=models.JSONField(blank=True, default=dict, editable=False, verbose_name="授权时的声明"),
        ),
        migrations.AddField(
            model_name="grantevent",
            name="frequency",
            field=models.PositiveIntegerField(blank=True, null=True, verbose_name="每日次数"),
        ),
        migrations.AddField(
            model_name="grantevent",
            name="number",
            field=models.CharField(blank=True, default="", editable=False, max_length=16, verbose_name="编号"),
        ),
        migrations.AddField(
            model_name="grantevent",
            name="request",
            field=models.CharField(blank=True, default="", max_length=16, verbose_name="申请"),
        ),
        migrations.AddField(
            model_name="grantevent",
            name="retention_days",
            field=models.PositiveIntegerField(blank=True, null=True, verbose_name="留存天数"),
        ),
        migrations.AddField(
            model_name="grantevent",
            name="revoke_reason",
            field=models.CharField(blank=True, default="", editable=False, max_length=300, verbose_name="撤销原因"),
        ),
        migrations.AddField(
            model_name="grantevent",
            name="revoked_at",
            field=models.DateTimeField(blank=True, editable=False, null=True, verbose_name="撤销"),
        ),
        migrations.AddField(
            model_name="grantevent",
            name="rows",
            field=models.JSONField(blank=True, default=dict, verbose_name="行条件"),
        ),
        migrations.AddField(
            model_name="grantevent",
            name="rows_since",
            field=models.DateTimeField(blank=True, null=True, verbose_name="数据起"),
        ),
        migrations.AddField(
            model_name="grantevent",
            name="rows_until",
            field=models.DateTimeField(blank=True, null=True, verbose_name="数据止"),
        ),
        migrations.AddField(
            model_name="grantevent",
            name="shown",
            field=models.JSONField(blank=True, default=dict, verbose_name="字段"),
        ),
        migrations.AddField(
            model_name="grantevent",
            name="terms",
            field=models.JSONField(blank=True, default=dict, editable=False, verbose_name="授权时的声明"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="grant",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "access_grantevent" ("area_code", "basis", "dataset", "fields", "frequency", "granted_by_id", "id", "number", "organisation_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "purpose", "request", "retention_days", "revoke_reason", "revoked_at", "role", "rows", "rows_since", "rows_until", "shown", "since", "terms", "until") VALUES (NEW."area_code", NEW."basis", NEW."dataset", NEW."fields", NEW."frequency", NEW."granted_by_id", NEW."id", NEW."number", NEW."organisation_id", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."purpose", NEW."request", NEW."retention_days", NEW."revoke_reason", NEW."revoked_at", NEW."role", NEW."rows", NEW."rows_since", NEW."rows_until", NEW."shown", NEW."since", NEW."terms", NEW."until"); RETURN NULL;',
                    hash="843f5945ce89bd6ff5eaf8996309f63a4dc50f29",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_1423b",
                    table="access_grant",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="grant",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "access_grantevent" ("area_code", "basis", "dataset", "fields", "frequency", "granted_by_id", "id", "number", "organisation_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "purpose", "request", "retention_days", "revoke_reason", "revoked_at", "role", "rows", "rows_since", "rows_until", "shown", "since", "terms", "until") VALUES (NEW."area_code", NEW."basis", NEW."dataset", NEW."fields", NEW."frequency", NEW."granted_by_id", NEW."id", NEW."number", NEW."organisation_id", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."purpose", NEW."request", NEW."retention_days", NEW."revoke_reason", NEW."revoked_at", NEW."role", NEW."rows", NEW."rows_since", NEW."rows_until", NEW."shown", NEW."since", NEW."terms", NEW."until"); RETURN NULL;',
                    hash="0052b0550b02e245595f76d988eff9fe3896b298",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_c99f4",
                    table="access_grant",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="grant",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("frequency", None), ("shown", {})), models.Q(("purpose", ""), _negated=True), _connector="OR"
                ),
                name="access_grant_for_a_purpose",
                violation_error_message="指明字段或次数的授权须写明用途。",
            ),
        ),
        migrations.AddConstraint(
            model_name="grant",
            constraint=models.UniqueConstraint(
                condition=models.Q(("number", ""), _negated=True), fields=("number",), name="access_grant_number"
            ),
        ),
        migrations.AddField(
            model_name="grantuse",
            name="grant",
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="uses", to="access.grant"),
        ),
        migrations.AddConstraint(
            model_name="grantuse",
            constraint=models.UniqueConstraint(fields=("grant", "day"), name="access_grantuse_day"),
        ),
        migrations.RunSQL(NUMBER, migrations.RunSQL.noop),
    ]
