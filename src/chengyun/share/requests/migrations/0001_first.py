# SPDX-License-Identifier: Apache-2.0

import django.core.serializers.json
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("access", "0005_grants"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Correction",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.CharField(max_length=16, unique=True)),
                ("dataset", models.CharField(db_index=True, max_length=128, verbose_name="信息资源")),
                ("key", models.CharField(max_length=200, verbose_name="对象")),
                ("field", models.CharField(max_length=63, verbose_name="字段")),
                ("area_code", models.CharField(blank=True, default="", max_length=15)),
                ("purpose", models.CharField(blank=True, default="", max_length=32)),
                ("proposed", models.CharField(blank=True, default="", max_length=300, verbose_name="应为")),
                ("said", models.TextField(verbose_name="理由")),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "待答复"), ("corrected", "已更正"), ("upheld", "维持原值")],
                        default="open",
                        max_length=10,
                        verbose_name="状态",
                    ),
                ),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("due_day", models.DateField(verbose_name="答复期限")),
                ("escalated_at", models.DateTimeField(null=True)),
                ("value", models.CharField(blank=True, default="", max_length=300, verbose_name="更正为")),
                ("answer", models.TextField(blank=True, default="", verbose_name="答复")),
                ("answered_at", models.DateTimeField(null=True)),
                ("answered_by", models.CharField(blank=True, default="", max_length=100)),
                (
                    "organisation",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="access.organisation"
                    ),
                ),
                (
                    "provider",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="access.organisation"
                    ),
                ),
                (
                    "reporter",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL),
                ),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="Deletion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("due_day", models.DateField(verbose_name="期限")),
                ("made_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("confirmed_at", models.DateTimeField(null=True)),
                ("confirmed_by", models.CharField(blank=True, default="", max_length=100)),
                ("how", models.CharField(blank=True, default="", max_length=300)),
                (
                    "grant",
                    models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name="deletion", to="access.grant"),
                ),
            ],
            options={
                "ordering": ["due_day", "id"],
            },
        ),
        migrations.CreateModel(
            name="Request",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.CharField(max_length=16, unique=True, verbose_name="编号")),
                ("dataset", models.CharField(db_index=True, max_length=128, verbose_name="信息资源")),
                ("shown", models.JSONField(blank=True, default=dict, verbose_name="字段")),
                ("area_code", models.CharField(blank=True, default="", max_length=15, verbose_name="区域")),
                ("rows_since", models.DateTimeField(null=True, verbose_name="数据起")),
                ("rows_until", models.DateTimeField(null=True, verbose_name="数据止")),
                ("purpose", models.CharField(max_length=32, verbose_name="用途")),
                ("basis", models.CharField(max_length=300, verbose_name="依据")),
                ("note", models.TextField(blank=True, default="", verbose_name="说明")),
                ("frequency", models.PositiveIntegerField(null=True, verbose_name="每日次数")),
                ("retention_days", models.PositiveIntegerField(default=0, verbose_name="留存天数")),
                ("ends", models.DateField(null=True, verbose_name="授权截止")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("draft", "草稿"),
                            ("submitted", "待答复"),
                            ("returned", "退回补正"),
                            ("approved", "已同意"),
                            ("refused", "不同意"),
                            ("withdrawn", "已撤回"),
                            ("expired", "已到期"),
                            ("renewed", "已续期"),
                            ("revoked", "已撤销"),
                        ],
                        default="draft",
                        max_length=10,
                        verbose_name="状态",
                    ),
                ),
                ("made_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("submitted_at", models.DateTimeField(null=True, verbose_name="提交时间")),
                ("due_day", models.DateField(null=True, verbose_name="答复期限")),
                ("left_days", models.PositiveSmallIntegerField(null=True)),
                ("escalated_at", models.DateTimeField(null=True)),
                ("offer", models.JSONField(blank=True, default=dict, encoder=django.core.serializers.json.DjangoJSONEncoder)),
                ("answered_at", models.DateTimeField(null=True, verbose_name="答复时间")),
                ("answer", models.TextField(blank=True, default="", verbose_name="答复")),
                (
                    "agreed_by",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "applicant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="申请人",
                    ),
                ),
                (
                    "grant",
                    models.OneToOneField(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="answers", to="access.grant"
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="requests",
                        to="access.organisation",
                        verbose_name="申请部门",
                    ),
                ),
                (
                    "provider",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="asked",
                        to="access.organisation",
                        verbose_name="提供部门",
                    ),
                ),
                (
                    "renews",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="renewals", to="requests.request"
                    ),
                ),
            ],
            options={
                "verbose_name": "共享申请",
                "verbose_name_plural": "共享申请",
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="Notice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("kind", models.CharField(max_length=20)),
                ("read_at", models.DateTimeField(null=True)),
                (
                    "mail",
                    models.CharField(
                        choices=[("none", "不发送"), ("waiting", "待发送"), ("sent", "已发送"), ("failed", "未送达")],
                        default="none",
                        max_length=8,
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="notices", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "correction",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.CASCADE, related_name="notices", to="requests.correction"
                    ),
                ),
                (
                    "request",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.CASCADE, related_name="notices", to="requests.request"
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="Step",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField()),
                ("actor", models.CharField(max_length=100)),
                ("account_id", models.BigIntegerField(null=True)),
                ("deed", models.CharField(max_length=16)),
                ("note", models.TextField(blank=True, default="")),
                ("detail", models.JSONField(default=dict, encoder=django.core.serializers.json.DjangoJSONEncoder)),
                (
                    "request",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="steps", to="requests.request"),
                ),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.AddIndex(
            model_name="request",
            index=models.Index(fields=["state", "due_day"], name="requests_open"),
        ),
        migrations.AddIndex(
            model_name="notice",
            index=models.Index(condition=models.Q(("mail", "waiting")), fields=["mail"], name="requests_notice_waiting"),
        ),
    ]
