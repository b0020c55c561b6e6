# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import django.contrib.auth.validators
import django.contrib.postgres.fields
import django.core.serializers.json
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
import django.utils.timezone
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models

import chengyun.access.models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("pghistory", "0007_auto_20250421_0444"),
    ]

    operations = [
        migrations.RunSQL(
            (Path(__file__).parent / "audit_0001.sql").read_text(encoding="utf-8"),
            "DROP TABLE access_auditlink, access_auditrecord CASCADE;"
            "DROP FUNCTION access_audit_link, access_audit_refuse, access_audit_refuse_link;",
        ),
        migrations.CreateModel(
            name="AuditLink",
            fields=[
                ("number", models.BigIntegerField(primary_key=True, serialize=False)),
                ("record_id", models.BigIntegerField(unique=True)),
                ("hash", models.BinaryField(max_length=32)),
            ],
            options={
                "db_table": "access_auditlink",
                "ordering": ["number"],
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="AuditRecord",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="时间")),
                ("account_id", models.BigIntegerField(null=True, verbose_name="账号")),
                ("actor", models.CharField(max_length=100, verbose_name="人员")),
                ("organisation", models.CharField(default="", max_length=64, verbose_name="部门")),
                ("action", models.CharField(max_length=64, verbose_name="行为")),
                ("dataset", models.CharField(default="", max_length=128, verbose_name="信息资源")),
                ("target", models.CharField(default="", max_length=200, verbose_name="对象")),
                ("purpose", models.CharField(default="", max_length=32, verbose_name="用途")),
                (
                    "detail",
                    models.JSONField(default=dict, encoder=django.core.serializers.json.DjangoJSONEncoder, verbose_name="详情"),
                ),
            ],
            options={
                "verbose_name": "审计记录",
                "verbose_name_plural": "审计记录",
                "db_table": "access_auditrecord",
                "ordering": ["-id"],
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="Account",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("password", models.CharField(max_length=128, verbose_name="password")),
                ("last_login", models.DateTimeField(blank=True, null=True, verbose_name="last login")),
                (
                    "is_active",
                    models.BooleanField(
                        default=True,
                        help_text="Designates whether this user should be treated as active. Unselect this instead of deleting accounts.",
                        verbose_name="active",
                    ),
                ),
                ("date_joined", models.DateTimeField(default=django.utils.timezone.now, verbose_name="date joined")),
                (
                    "username",
                    models.CharField(
                        max_length=64,
                        unique=True,
                        validators=[django.contrib.auth.validators.UnicodeUsernameValidator()],
                        verbose_name="用户名",
                    ),
                ),
                ("name", models.CharField(blank=True, default="", max_length=100, verbose_name="姓名")),
                ("email", models.EmailField(blank=True, default="", max_length=254, verbose_name="邮箱")),
                ("password_changed_at", models.DateTimeField(blank=True, editable=False, null=True, verbose_name="口令修改时间")),
            ],
            options={
                "verbose_name": "账号",
                "verbose_name_plural": "账号",
                "ordering": ["username"],
            },
            managers=[
                ("objects", chengyun.access.models.AccountManager()),
            ],
        ),
        migrations.CreateModel(
            name="Assignment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("duty_officer", "值班员"),
                            ("department_clerk", "部门经办人"),
                            ("data_steward", "数据管理员"),
                            ("grid_worker", "网格员"),
                            ("handler", "处置人员"),
                            ("leader", "领导"),
                            ("administrator", "系统管理员"),
                            ("security_officer", "安全管理员"),
                            ("auditor", "审计管理员"),
                            ("integrator", "接入单位"),
                            ("resident", "市民"),
                        ],
                        max_length=32,
                        verbose_name="岗位",
                    ),
                ),
                (
                    "area_code",
                    models.CharField(
                        blank=True,
                        default="",
                        max_length=12,
                        validators=[django.core.validators.RegexValidator("^\\d{0,12}$", "区域编码是至多十二位数字。")],
                        verbose_name="区域",
                    ),
                ),
                ("since", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="起")),
                ("until", models.DateTimeField(blank=True, null=True, verbose_name="止")),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="assignments",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="账号",
                    ),
                ),
            ],
            options={
                "verbose_name": "任命",
                "verbose_name_plural": "任命",
                "ordering": ["account", "role", "area_code", "id"],
            },
        ),
        migrations.CreateModel(
            name="FirstSignIn",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("digest", models.CharField(max_length=64, unique=True)),
                ("expires_at", models.DateTimeField()),
                ("used_at", models.DateTimeField(blank=True, null=True)),
                (
                    "account",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="first_sign_ins",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Grant",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("dataset", models.CharField(db_index=True, max_length=128, verbose_name="信息资源")),
                (
                    "role",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("duty_officer", "值班员"),
                            ("department_clerk", "部门经办人"),
                            ("data_steward", "数据管理员"),
                            ("grid_worker", "网格员"),
                            ("handler", "处置人员"),
                            ("leader", "领导"),
                            ("administrator", "系统管理员"),
                            ("security_officer", "安全管理员"),
                            ("auditor", "审计管理员"),
                            ("integrator", "接入单位"),
                            ("resident", "市民"),
                        ],
                        default="",
                        max_length=32,
                        verbose_name="岗位",
                    ),
                ),
                (
                    "fields",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=63), blank=True, default=list, size=None, verbose_name="明文字段"
                    ),
                ),
                (
                    "area_code",
                    models.CharField(
                        blank=True,
                        default="",
                        max_length=12,
                        validators=[django.core.validators.RegexValidator("^\\d{0,12}$", "区域编码是至多十二位数字。")],
                        verbose_name="区域",
                    ),
                ),
                ("purpose", models.CharField(blank=True, default="", max_length=32, verbose_name="用途")),
                ("basis", models.CharField(blank=True, default="", max_length=300, verbose_name="依据")),
                ("since", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="起")),
                ("until", models.DateTimeField(blank=True, null=True, verbose_name="止")),
                (
                    "granted_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="授权人",
                    ),
                ),
            ],
            options={
                "verbose_name": "授权",
                "verbose_name_plural": "授权",
                "ordering": ["dataset", "id"],
            },
        ),
        migrations.CreateModel(
            name="Organisation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.SlugField(max_length=64, unique=True, verbose_name="标识")),
                ("name", models.CharField(max_length=100, verbose_name="名称")),
                (
                    "kind",
                    models.CharField(
                        choices=[("centre", "运行中心"), ("department", "部门"), ("branch", "分局"), ("company", "企业")],
                        default="department",
                        max_length=16,
                        verbose_name="类别",
                    ),
                ),
                (
                    "area_code",
                    models.CharField(
                        blank=True,
                        default="",
                        max_length=12,
                        validators=[django.core.validators.RegexValidator("^\\d{0,12}$", "区域编码是至多十二位数字。")],
                        verbose_name="区域",
                    ),
                ),
                (
                    "parent",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="children",
                        to="access.organisation",
                        verbose_name="上级",
                    ),
                ),
            ],
            options={
                "verbose_name": "部门",
                "verbose_name_plural": "部门",
                "ordering": ["key"],
            },
        ),
        migrations.CreateModel(
            name="GrantEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                ("dataset", models.CharField(max_length=128, verbose_name="信息资源")),
                (
                    "role",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("duty_officer", "值班员"),
                            ("department_clerk", "部门经办人"),
                            ("data_steward", "数据管理员"),
                            ("grid_worker", "网格员"),
                            ("handler", "处置人员"),
                            ("leader", "领导"),
                            ("administrator", "系统管理员"),
                            ("security_officer", "安全管理员"),
                            ("auditor", "审计管理员"),
                            ("integrator", "接入单位"),
                            ("resident", "市民"),
                        ],
                        default="",
                        max_length=32,
                        verbose_name="岗位",
                    ),
                ),
                (
                    "fields",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=63), blank=True, default=list, size=None, verbose_name="明文字段"
                    ),
                ),
                (
                    "area_code",
                    models.CharField(
                        blank=True,
                        default="",
                        max_length=12,
                        validators=[django.core.validators.RegexValidator("^\\d{0,12}$", "区域编码是至多十二位数字。")],
                        verbose_name="区域",
                    ),
                ),
                ("purpose", models.CharField(blank=True, default="", max_length=32, verbose_name="用途")),
                ("basis", models.CharField(blank=True, default="", max_length=300, verbose_name="依据")),
                ("since", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="起")),
                ("until", models.DateTimeField(blank=True, null=True, verbose_name="止")),
                (
                    "granted_by",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="授权人",
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
                        to="access.grant",
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="access.organisation",
                        verbose_name="部门",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.AddField(
            model_name="grant",
            name="organisation",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="grants",
                to="access.organisation",
                verbose_name="部门",
            ),
        ),
        migrations.CreateModel(
            name="AssignmentEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("duty_officer", "值班员"),
                            ("department_clerk", "部门经办人"),
                            ("data_steward", "数据管理员"),
                            ("grid_worker", "网格员"),
                            ("handler", "处置人员"),
                            ("leader", "领导"),
                            ("administrator", "系统管理员"),
                            ("security_officer", "安全管理员"),
                            ("auditor", "审计管理员"),
                            ("integrator", "接入单位"),
                            ("resident", "市民"),
                        ],
                        max_length=32,
                        verbose_name="岗位",
                    ),
                ),
                (
                    "area_code",
                    models.CharField(
                        blank=True,
                        default="",
                        max_length=12,
                        validators=[django.core.validators.RegexValidator("^\\d{0,12}$", "区域编码是至多十二位数字。")],
                        verbose_name="区域",
                    ),
                ),
                ("since", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="起")),
                ("until", models.DateTimeField(blank=True, null=True, verbose_name="止")),
                (
                    "account",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="账号",
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
                        to="access.assignment",
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="access.organisation",
                        verbose_name="部门",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.AddField(
            model_name="assignment",
            name="organisation",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="assignments",
                to="access.organisation",
                verbose_name="部门",
            ),
        ),
        migrations.AddField(
            model_name="account",
            name="organisation",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="accounts",
                to="access.organisation",
                verbose_name="部门",
            ),
        ),
        migrations.CreateModel(
            name="OrganisationEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                ("key", models.SlugField(db_index=False, max_length=64, verbose_name="标识")),
                ("name", models.CharField(max_length=100, verbose_name="名称")),
                (
                    "kind",
                    models.CharField(
                        choices=[("centre", "运行中心"), ("department", "部门"), ("branch", "分局"), ("company", "企业")],
                        default="department",
                        max_length=16,
                        verbose_name="类别",
                    ),
                ),
                (
                    "area_code",
                    models.CharField(
                        blank=True,
                        default="",
                        max_length=12,
                        validators=[django.core.validators.RegexValidator("^\\d{0,12}$", "区域编码是至多十二位数字。")],
                        verbose_name="区域",
                    ),
                ),
                (
                    "parent",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="access.organisation",
                        verbose_name="上级",
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
                        to="access.organisation",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Token",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("prefix", models.CharField(db_index=True, max_length=16, verbose_name="开头")),
                ("digest", models.CharField(max_length=64, unique=True, verbose_name="摘要")),
                ("name", models.CharField(max_length=100, verbose_name="用途")),
                (
                    "scopes",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=100), size=None, verbose_name="范围"
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="建立")),
                ("expires_at", models.DateTimeField(blank=True, null=True, verbose_name="到期")),
                ("revoked_at", models.DateTimeField(blank=True, null=True, verbose_name="撤销")),
                (
                    "account",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tokens",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="账号",
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tokens",
                        to="access.organisation",
                        verbose_name="部门",
                    ),
                ),
            ],
            options={
                "verbose_name": "密钥",
                "verbose_name_plural": "密钥",
                "ordering": ["-created_at", "-id"],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="organisation",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "access_organisationevent" ("area_code", "id", "key", "kind", "name", "parent_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id") VALUES (NEW."area_code", NEW."id", NEW."key", NEW."kind", NEW."name", NEW."parent_id", _pgh_attach_context(), NOW(), \'insert\', NEW."id"); RETURN NULL;',
                    hash="8543cfe448309326745d1d5774aac8e2646b7d7a",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_96fcc",
                    table="access_organisation",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="organisation",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "access_organisationevent" ("area_code", "id", "key", "kind", "name", "parent_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id") VALUES (NEW."area_code", NEW."id", NEW."key", NEW."kind", NEW."name", NEW."parent_id", _pgh_attach_context(), NOW(), \'update\', NEW."id"); RETURN NULL;',
                    hash="20dda0760a8e2cf0c7618a080b7c88436e5d837b",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_3aed0",
                    table="access_organisation",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="grant",
            constraint=models.CheckConstraint(
                condition=models.Q(("organisation__isnull", False), models.Q(("role", ""), _negated=True), _connector="OR"),
                name="access_grant_names_somebody",
                violation_error_message="授权须指明部门或岗位。",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="grant",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "access_grantevent" ("area_code", "basis", "dataset", "fields", "granted_by_id", "id", "organisation_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "purpose", "role", "since", "until") VALUES (NEW."area_code", NEW."basis", NEW."dataset", NEW."fields", NEW."granted_by_id", NEW."id", NEW."organisation_id", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."purpose", NEW."role", NEW."since", NEW."until"); RETURN NULL;',
                    hash="55fbc22abed6c79f467e23a344f6c5e465e5acff",
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
                    func='INSERT INTO "access_grantevent" ("area_code", "basis", "dataset", "fields", "granted_by_id", "id", "organisation_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "purpose", "role", "since", "until") VALUES (NEW."area_code", NEW."basis", NEW."dataset", NEW."fields", NEW."granted_by_id", NEW."id", NEW."organisation_id", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."purpose", NEW."role", NEW."since", NEW."until"); RETURN NULL;',
                    hash="50022494ea4a72018f1391e4608d709995559389",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_c99f4",
                    table="access_grant",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="assignment",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "access_assignmentevent" ("account_id", "area_code", "id", "organisation_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "role", "since", "until") VALUES (NEW."account_id", NEW."area_code", NEW."id", NEW."organisation_id", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."role", NEW."since", NEW."until"); RETURN NULL;',
                    hash="72a4345dadaaa8f4b840ac353dc73fa7ad67c7de",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_92978",
                    table="access_assignment",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="assignment",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "access_assignmentevent" ("account_id", "area_code", "id", "organisation_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "role", "since", "until") VALUES (NEW."account_id", NEW."area_code", NEW."id", NEW."organisation_id", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."role", NEW."since", NEW."until"); RETURN NULL;',
                    hash="2e3d4b933722d783ea8bec16bfcb95a1e6ff3935",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_4b540",
                    table="access_assignment",
                    when="AFTER",
                ),
            ),
        ),
    ]
