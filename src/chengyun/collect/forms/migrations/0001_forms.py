# SPDX-License-Identifier: Apache-2.0

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("access", "0003_names_and_passwords"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Form",
            fields=[
                ("key", models.CharField(max_length=64, primary_key=True, serialize=False, verbose_name="表单编码")),
                ("title", models.CharField(max_length=200, verbose_name="名称")),
                ("stream", models.CharField(blank=True, default="", max_length=130, verbose_name="感知流")),
                ("columns", models.JSONField(blank=True, default=dict, verbose_name="字段对应")),
                ("minutes", models.PositiveSmallIntegerField(default=5, verbose_name="填报用时（分钟）")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="创建时间")),
                (
                    "organisation",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, to="access.organisation", verbose_name="主管部门"
                    ),
                ),
            ],
            options={
                "verbose_name": "表单",
                "verbose_name_plural": "表单",
                "ordering": ["key"],
            },
        ),
        migrations.CreateModel(
            name="FormVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("version", models.CharField(max_length=40, verbose_name="版本")),
                ("title", models.CharField(max_length=200, verbose_name="名称")),
                ("languages", models.JSONField(default=list, verbose_name="语言")),
                ("source_name", models.CharField(max_length=200, verbose_name="源文件")),
                ("source", models.BinaryField(verbose_name="源文件内容")),
                ("xform", models.TextField(verbose_name="XForm")),
                ("digest", models.CharField(max_length=64, verbose_name="摘要")),
                ("questions", models.JSONField(default=list, verbose_name="问题")),
                ("warnings", models.JSONField(default=list, verbose_name="提示")),
                (
                    "state",
                    models.CharField(
                        choices=[("draft", "草稿"), ("published", "已发布"), ("retired", "已停用")],
                        default="draft",
                        max_length=10,
                        verbose_name="状态",
                    ),
                ),
                ("made_by", models.CharField(max_length=200, verbose_name="制作人")),
                ("made_at", models.DateTimeField(auto_now_add=True, verbose_name="制作时间")),
                ("published_at", models.DateTimeField(blank=True, null=True, verbose_name="发布时间")),
                (
                    "form",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="versions", to="forms.form", verbose_name="表单"
                    ),
                ),
            ],
            options={
                "verbose_name": "表单版本",
                "verbose_name_plural": "表单版本",
                "ordering": ["form_id", "-made_at"],
            },
        ),
        migrations.CreateModel(
            name="Submission",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("instance", models.CharField(max_length=100, unique=True, verbose_name="实例编号")),
                ("xml", models.TextField(verbose_name="原文")),
                ("digest", models.CharField(max_length=64, verbose_name="摘要")),
                ("values", models.JSONField(verbose_name="内容")),
                ("faults", models.JSONField(default=list, verbose_name="问题")),
                ("organisation", models.CharField(blank=True, default="", max_length=64, verbose_name="填报部门")),
                ("device", models.CharField(blank=True, default="", max_length=120, verbose_name="设备")),
                ("area_code", models.CharField(blank=True, default="", max_length=12, verbose_name="区域")),
                ("lon", models.FloatField(blank=True, null=True, verbose_name="经度")),
                ("lat", models.FloatField(blank=True, null=True, verbose_name="纬度")),
                ("filled_at", models.DateTimeField(blank=True, null=True, verbose_name="填报时间")),
                ("received_at", models.DateTimeField(verbose_name="收到时间")),
                ("complete", models.BooleanField(default=True, verbose_name="附件齐全")),
                (
                    "state",
                    models.CharField(
                        choices=[("received", "待审核"), ("accepted", "已通过"), ("returned", "已退回"), ("replaced", "已更正")],
                        default="received",
                        max_length=10,
                        verbose_name="状态",
                    ),
                ),
                (
                    "account",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="填报人",
                    ),
                ),
                (
                    "replaces",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="replaced_by",
                        to="forms.submission",
                        verbose_name="更正自",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="submissions",
                        to="forms.formversion",
                        verbose_name="表单版本",
                    ),
                ),
            ],
            options={
                "verbose_name": "填报",
                "verbose_name_plural": "填报",
                "ordering": ["-received_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="ReviewEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(max_length=20, verbose_name="步骤")),
                ("at", models.DateTimeField(verbose_name="时间")),
                ("actor", models.CharField(max_length=200, verbose_name="经办人")),
                ("note", models.TextField(blank=True, default="", verbose_name="说明")),
                (
                    "submission",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="events",
                        to="forms.submission",
                        verbose_name="填报",
                    ),
                ),
            ],
            options={
                "verbose_name": "审核记录",
                "verbose_name_plural": "审核记录",
                "ordering": ["at", "id"],
            },
        ),
        migrations.CreateModel(
            name="Photo",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=200, verbose_name="文件名")),
                ("kind", models.CharField(blank=True, default="", max_length=60, verbose_name="类型")),
                ("size", models.BigIntegerField(default=0, verbose_name="字节数")),
                ("sha256", models.CharField(blank=True, default="", max_length=64, verbose_name="SHA-256")),
                ("received_at", models.DateTimeField(blank=True, null=True, verbose_name="收到时间")),
                (
                    "submission",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="photos",
                        to="forms.submission",
                        verbose_name="填报",
                    ),
                ),
            ],
            options={
                "verbose_name": "附件",
                "verbose_name_plural": "附件",
            },
        ),
        migrations.CreateModel(
            name="Task",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("title", models.CharField(max_length=200, verbose_name="任务")),
                ("area_code", models.CharField(max_length=12, verbose_name="区域")),
                ("prefill", models.JSONField(blank=True, default=dict, verbose_name="预填")),
                ("due_at", models.DateTimeField(blank=True, null=True, verbose_name="期限")),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "待填"), ("done", "已填"), ("cancelled", "已取消")],
                        default="open",
                        max_length=10,
                        verbose_name="状态",
                    ),
                ),
                ("made_by", models.CharField(max_length=200, verbose_name="下达人")),
                ("made_at", models.DateTimeField(auto_now_add=True, verbose_name="下达时间")),
                ("done_at", models.DateTimeField(blank=True, null=True, verbose_name="完成时间")),
                (
                    "form",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="tasks", to="forms.form", verbose_name="表单"
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="责任人",
                    ),
                ),
            ],
            options={
                "verbose_name": "填报任务",
                "verbose_name_plural": "填报任务",
                "ordering": ["due_at", "id"],
            },
        ),
        migrations.AddField(
            model_name="submission",
            name="task",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="submissions",
                to="forms.task",
                verbose_name="任务",
            ),
        ),
        migrations.AddConstraint(
            model_name="formversion",
            constraint=models.UniqueConstraint(fields=("form", "version"), name="forms_version_once"),
        ),
        migrations.AddConstraint(
            model_name="formversion",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "published")), fields=("form",), name="forms_one_published"
            ),
        ),
        migrations.AddConstraint(
            model_name="photo",
            constraint=models.UniqueConstraint(fields=("submission", "name"), name="forms_photo_once"),
        ),
        migrations.AddIndex(
            model_name="task",
            index=models.Index(fields=["state", "area_code"], name="forms_task_area"),
        ),
        migrations.AddIndex(
            model_name="submission",
            index=models.Index(fields=["state", "-received_at"], name="forms_submission_newest"),
        ),
        migrations.AddIndex(
            model_name="submission",
            index=models.Index(fields=["area_code"], name="forms_submission_area"),
        ),
    ]
