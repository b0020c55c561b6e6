# SPDX-License-Identifier: Apache-2.0
import django.contrib.postgres.fields
import django.core.serializers.json
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import chengyun.operate.boards.models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Board",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=63, unique=True, verbose_name="标识")),
                ("pack", models.CharField(blank=True, default="", max_length=63, verbose_name="应用")),
                ("made_at", models.DateTimeField(db_default=chengyun.operate.boards.models.Clock())),
                ("retired_at", models.DateTimeField(null=True)),
            ],
            options={
                "verbose_name": "看板",
                "verbose_name_plural": "看板",
                "ordering": ["key"],
            },
        ),
        migrations.CreateModel(
            name="Definition",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(max_length=16)),
                ("key", models.CharField(max_length=200)),
                ("text", models.JSONField()),
                ("digest", models.CharField(max_length=64)),
                ("since", models.DateTimeField(db_default=chengyun.operate.boards.models.Clock())),
                ("until", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [models.Index(fields=["since"], name="boards_definition_since")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("until__isnull", True)), fields=("kind", "key"), name="boards_definition_one_current"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="FigureMark",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField()),
                ("upto", models.BigIntegerField()),
                ("tx", models.BigIntegerField()),
            ],
            options={
                "indexes": [
                    models.Index(fields=["at"], name="boards_mark_at"),
                    models.Index(fields=["-tx"], name="boards_mark_tx"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Remembered",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(max_length=8)),
                ("thing", models.BigIntegerField()),
                ("dataset", models.CharField(max_length=130)),
                ("area_code", models.CharField(blank=True, default="", max_length=12)),
                ("opened_at", models.DateTimeField()),
                ("row", models.JSONField(encoder=django.core.serializers.json.DjangoJSONEncoder)),
                ("since", models.DateTimeField()),
                ("until", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("until__isnull", True)), fields=["kind", "thing"], name="boards_remembered_open"
                    ),
                    models.Index(fields=["kind", "thing", "since"], name="boards_remembered_thing"),
                ],
            },
        ),
        migrations.CreateModel(
            name="ScheduledReport",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("cron", models.CharField(max_length=80, verbose_name="时间")),
                (
                    "formats",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=4), size=None, verbose_name="格式"
                    ),
                ),
                ("language", models.CharField(max_length=8, verbose_name="语言")),
                ("made_at", models.DateTimeField(db_default=chengyun.operate.boards.models.Clock())),
                ("after", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "board",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="reports", to="boards.board"),
                ),
                (
                    "made_by",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "recipient",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="收件人",
                    ),
                ),
            ],
            options={
                "ordering": ["board", "id"],
            },
        ),
        migrations.CreateModel(
            name="Sending",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("period", models.DateTimeField(verbose_name="时段")),
                (
                    "state",
                    models.CharField(
                        choices=[("waiting", "待发"), ("sent", "已发"), ("failed", "未能发出"), ("dropped", "不再发送")],
                        default="waiting",
                        max_length=8,
                    ),
                ),
                ("attempts", models.IntegerField(default=0)),
                ("next_at", models.DateTimeField(null=True)),
                ("sent_at", models.DateTimeField(null=True)),
                ("why", models.CharField(blank=True, default="", max_length=300)),
                (
                    "report",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="sendings", to="boards.scheduledreport"
                    ),
                ),
            ],
            options={
                "ordering": ["-period"],
            },
        ),
        migrations.CreateModel(
            name="Annotation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("tile", models.CharField(blank=True, default="", max_length=63, verbose_name="图块")),
                ("at", models.DateTimeField(verbose_name="所指时间")),
                ("text", models.CharField(max_length=500, verbose_name="批注")),
                ("author_name", models.CharField(max_length=150, verbose_name="作者")),
                ("written_at", models.DateTimeField(db_default=chengyun.operate.boards.models.Clock(), verbose_name="写于")),
                ("withdrawn_at", models.DateTimeField(null=True, verbose_name="撤回")),
                ("withdrawn_by", models.CharField(blank=True, default="", max_length=150)),
                (
                    "author",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "board",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="annotations", to="boards.board"),
                ),
            ],
            options={
                "ordering": ["at", "id"],
                "indexes": [models.Index(fields=["board", "at"], name="boards_annotation_at")],
            },
        ),
        migrations.CreateModel(
            name="BoardVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.IntegerField(verbose_name="版本")),
                ("text", models.JSONField(verbose_name="内容")),
                ("author_name", models.CharField(blank=True, default="", max_length=150, verbose_name="作者")),
                ("organisation", models.CharField(blank=True, default="", max_length=64, verbose_name="部门")),
                ("note", models.CharField(blank=True, default="", max_length=300, verbose_name="说明")),
                ("saved_at", models.DateTimeField(db_default=chengyun.operate.boards.models.Clock(), verbose_name="保存时间")),
                (
                    "author",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "board",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="versions", to="boards.board"),
                ),
            ],
            options={
                "ordering": ["board", "-number"],
                "constraints": [models.UniqueConstraint(fields=("board", "number"), name="boards_version_once")],
            },
        ),
        migrations.AddConstraint(
            model_name="scheduledreport",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at__isnull", True)), fields=("board", "recipient", "cron"), name="boards_report_once"
            ),
        ),
        migrations.AddIndex(
            model_name="sending",
            index=models.Index(condition=models.Q(("state", "waiting")), fields=["next_at"], name="boards_sending_due"),
        ),
        migrations.AddConstraint(
            model_name="sending",
            constraint=models.UniqueConstraint(fields=("report", "period"), name="boards_sending_once"),
        ),
    ]
