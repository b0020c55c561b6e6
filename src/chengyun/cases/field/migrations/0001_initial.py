# SPDX-License-Identifier: Apache-2.0
import uuid

import django.contrib.postgres.fields
import django.core.serializers.json
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("access", "0004_casework"),
        ("cases", "0003_stays"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Device",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=16, unique=True)),
                ("name", models.CharField(max_length=60, verbose_name="名称")),
                ("enrolled_at", models.DateTimeField(verbose_name="登记时间")),
                ("revoked_at", models.DateTimeField(null=True, verbose_name="停用时间")),
                ("seen_at", models.DateTimeField(null=True, verbose_name="最近同步")),
                ("offset_ms", models.BigIntegerField(null=True, verbose_name="时钟偏差（毫秒）")),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="field_devices",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="账号",
                    ),
                ),
                (
                    "token",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="field_device", to="access.token"
                    ),
                ),
            ],
            options={
                "ordering": ["-enrolled_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="Cursor",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=32, unique=True)),
                ("made_at", models.DateTimeField()),
                ("revision", models.BigIntegerField()),
                ("manifest", models.JSONField()),
                (
                    "device",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="cursors", to="field.device"),
                ),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="ClockSample",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField()),
                ("offset_ms", models.BigIntegerField()),
                ("uncertainty_ms", models.BigIntegerField()),
                (
                    "device",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="clocks", to="field.device"),
                ),
            ],
            options={
                "ordering": ["at", "id"],
            },
        ),
        migrations.CreateModel(
            name="Duty",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("started_at", models.DateTimeField(verbose_name="上岗")),
                ("ended_at", models.DateTimeField(null=True, verbose_name="下岗")),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="duties", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("device", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="field.device")),
            ],
            options={
                "ordering": ["started_at", "id"],
            },
        ),
        migrations.CreateModel(
            name="Operation",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ("kind", models.CharField(max_length=16)),
                ("made_at", models.DateTimeField()),
                ("done_at", models.DateTimeField()),
                ("uncertainty_ms", models.BigIntegerField()),
                ("received_at", models.DateTimeField()),
                ("after", django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), default=list, size=None)),
                ("data", models.JSONField(default=dict)),
                ("base", models.JSONField(default=dict)),
                ("digest", models.CharField(max_length=64)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("received", "已收到"),
                            ("waiting", "等待"),
                            ("applied", "已办理"),
                            ("merged", "已合并办理"),
                            ("decide", "待定夺"),
                            ("settled", "已定夺"),
                            ("invalid", "无法读取"),
                        ],
                        default="received",
                        max_length=8,
                    ),
                ),
                ("result", models.JSONField(default=dict, encoder=django.core.serializers.json.DjangoJSONEncoder)),
                ("settled_at", models.DateTimeField(null=True)),
                ("revision", models.BigIntegerField(default=0)),
                (
                    "account",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL),
                ),
                (
                    "case",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="field_operations", to="cases.case"
                    ),
                ),
                (
                    "device",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="operations", to="field.device"),
                ),
            ],
            options={
                "ordering": ["done_at", "id"],
            },
        ),
        migrations.CreateModel(
            name="PatrolTask",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("title", models.CharField(max_length=120, verbose_name="任务")),
                (
                    "kind",
                    models.CharField(
                        choices=[("patrol", "巡查"), ("inspect", "检查"), ("verify", "核查"), ("handle", "处置")],
                        default="patrol",
                        max_length=8,
                        verbose_name="类型",
                    ),
                ),
                ("area_code", models.CharField(max_length=15, verbose_name="区域")),
                ("note", models.TextField(blank=True, default="", verbose_name="说明")),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "未开始"), ("started", "进行中"), ("done", "已完成"), ("hindered", "无法完成")],
                        default="open",
                        max_length=8,
                        verbose_name="状态",
                    ),
                ),
                ("begins_at", models.DateTimeField(verbose_name="开始")),
                ("until", models.DateTimeField(verbose_name="截止")),
                ("cells", models.JSONField(null=True)),
                ("seen", models.JSONField(default=list)),
                ("wanted_share", models.FloatField(default=0.8, verbose_name="应覆盖")),
                ("changed_at", models.DateTimeField()),
                ("changed_by", models.CharField(max_length=150)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="patrol_tasks",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="执行人",
                    ),
                ),
                (
                    "case",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="patrol_tasks",
                        to="cases.case",
                    ),
                ),
                (
                    "made_by",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "ordering": ["until", "id"],
            },
        ),
        migrations.CreateModel(
            name="Track",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("area_code", models.CharField(blank=True, default="", max_length=15)),
                ("started_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField()),
                ("points", models.JSONField(null=True)),
                ("west", models.FloatField()),
                ("south", models.FloatField()),
                ("east", models.FloatField()),
                ("north", models.FloatField()),
                (
                    "account",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL),
                ),
                ("duty", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="tracks", to="field.duty")),
                (
                    "operation",
                    models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name="track", to="field.operation"),
                ),
                (
                    "task",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="tracks", to="field.patroltask"
                    ),
                ),
            ],
            options={
                "ordering": ["started_at", "id"],
            },
        ),
        migrations.CreateModel(
            name="Twin",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("score", models.FloatField()),
                ("distance_m", models.FloatField()),
                ("reasons", models.JSONField(default=list)),
                ("found_at", models.DateTimeField()),
                (
                    "said",
                    models.CharField(
                        blank=True,
                        choices=[("", "未定"), ("same", "同一问题"), ("different", "不同问题")],
                        default="",
                        max_length=9,
                    ),
                ),
                ("said_by", models.CharField(blank=True, default="", max_length=150)),
                ("said_at", models.DateTimeField(null=True)),
                ("case", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="twins", to="cases.case")),
                (
                    "operation",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="twins", to="field.operation"),
                ),
                (
                    "other",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="twin_of", to="cases.case"),
                ),
            ],
            options={
                "ordering": ["-score", "id"],
            },
        ),
        migrations.CreateModel(
            name="Upload",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sha256", models.CharField(max_length=64)),
                ("length", models.BigIntegerField()),
                ("offset", models.BigIntegerField(default=0)),
                ("complete", models.BooleanField(default=False)),
                ("begun_at", models.DateTimeField()),
                ("taken_at", models.DateTimeField(null=True)),
                ("lon", models.FloatField(null=True)),
                ("lat", models.FloatField(null=True)),
                (
                    "account",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="operation",
            index=models.Index(
                condition=models.Q(("state__in", ["received", "waiting", "decide", "invalid"])),
                fields=["account"],
                name="field_operation_open",
            ),
        ),
        migrations.AddIndex(
            model_name="operation",
            index=models.Index(fields=["account", "revision"], name="field_operation_revision"),
        ),
        migrations.AddIndex(
            model_name="patroltask",
            index=models.Index(fields=["account", "until"], name="field_task_account"),
        ),
        migrations.AddIndex(
            model_name="track",
            index=models.Index(fields=["account", "started_at"], name="field_track_account"),
        ),
        migrations.AddConstraint(
            model_name="twin",
            constraint=models.UniqueConstraint(fields=("case", "other"), name="field_twin_once"),
        ),
        migrations.AddConstraint(
            model_name="upload",
            constraint=models.UniqueConstraint(fields=("account", "sha256"), name="field_upload_once"),
        ),
    ]
