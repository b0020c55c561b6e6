# SPDX-License-Identifier: Apache-2.0

import django.contrib.postgres.constraints
import django.core.serializers.json
import django.db.models.deletion
from django.contrib.postgres.operations import BtreeGistExtension
from django.db import migrations, models

import chengyun.share.registers.models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        BtreeGistExtension(),
        migrations.CreateModel(
            name="Decision",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("dataset", models.CharField(max_length=130, verbose_name="信息资源")),
                (
                    "kind",
                    models.CharField(
                        choices=[("merge", "合并"), ("split", "拆分"), ("succeed", "承继"), ("apart", "不是同一对象")],
                        max_length=8,
                        verbose_name="种类",
                    ),
                ),
                ("keys", models.JSONField(default=list, verbose_name="编码")),
                ("because", models.CharField(max_length=500, verbose_name="理由")),
                ("detail", models.JSONField(default=dict, encoder=django.core.serializers.json.DjangoJSONEncoder)),
                ("actor", models.CharField(max_length=150, verbose_name="决定人")),
                ("at", models.DateTimeField(verbose_name="时间")),
                ("undone_at", models.DateTimeField(null=True, verbose_name="撤销")),
                ("undone_by", models.CharField(blank=True, default="", max_length=150)),
            ],
            options={
                "verbose_name": "身份决定",
                "ordering": ["-at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="Load",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("dataset", models.CharField(max_length=130, verbose_name="信息资源")),
                ("feed", models.CharField(max_length=130, verbose_name="接入")),
                ("authority", models.CharField(max_length=63, verbose_name="来源部门")),
                ("name", models.CharField(blank=True, default="", max_length=200, verbose_name="文件")),
                ("digest", models.CharField(blank=True, default="", max_length=64)),
                ("actor", models.CharField(max_length=150, verbose_name="操作人")),
                ("received_at", models.DateTimeField(verbose_name="收到")),
                ("stated", models.BigIntegerField(default=0, verbose_name="新增陈述")),
                ("unchanged", models.BigIntegerField(default=0, verbose_name="未变")),
                ("refused", models.BigIntegerField(default=0, verbose_name="拒收")),
            ],
            options={
                "verbose_name": "装载",
                "ordering": ["-received_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="MatchRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("dataset", models.CharField(max_length=130, verbose_name="信息资源")),
                ("left", models.CharField(max_length=100, verbose_name="甲方")),
                ("right", models.CharField(max_length=100, verbose_name="乙方")),
                ("actor", models.CharField(max_length=150, verbose_name="操作人")),
                ("at", models.DateTimeField(verbose_name="时间")),
                ("threshold", models.FloatField(verbose_name="自动采纳")),
                ("review_from", models.FloatField(verbose_name="人工复核")),
                ("compared", models.BigIntegerField(default=0)),
                ("matched", models.BigIntegerField(default=0)),
                ("model", models.JSONField(default=dict)),
            ],
            options={
                "verbose_name": "比对",
                "ordering": ["-at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="Refusal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=64)),
                ("line", models.BigIntegerField(default=0)),
                ("code", models.CharField(max_length=40)),
                ("reason", models.CharField(max_length=500)),
                (
                    "load",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="refusals", to="registers.load"),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Link",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("dataset", models.CharField(max_length=130)),
                ("old_key", models.CharField(max_length=64)),
                ("new_key", models.CharField(max_length=64)),
                ("on", models.DateField(null=True)),
                ("known_from", models.DateTimeField()),
                ("known_until", models.DateTimeField(null=True)),
                (
                    "decision",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="links", to="registers.decision"),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["dataset", "old_key"], name="registers_link_old"),
                    models.Index(fields=["dataset", "new_key"], name="registers_link_new"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("old_key", models.F("new_key")), _negated=True), name="registers_link_leads_elsewhere"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("known_until", None), ("on", None)),
                        fields=("dataset", "old_key"),
                        name="registers_link_one_meaning",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Candidate",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("left_key", models.CharField(max_length=64)),
                ("right_key", models.CharField(max_length=64)),
                ("weight", models.FloatField(verbose_name="匹配权重")),
                ("probability", models.FloatField(verbose_name="概率")),
                ("steps", models.JSONField(default=list)),
                (
                    "state",
                    models.CharField(
                        choices=[("proposed", "自动采纳"), ("waiting", "待复核"), ("same", "确认同一"), ("apart", "确认不同")],
                        max_length=8,
                        verbose_name="状态",
                    ),
                ),
                (
                    "decision",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="candidates",
                        to="registers.decision",
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="candidates", to="registers.matchrun"
                    ),
                ),
            ],
            options={
                "ordering": ["-weight", "id"],
                "indexes": [models.Index(fields=["state", "-weight"], name="registers_candidate_queue")],
                "constraints": [
                    models.UniqueConstraint(fields=("run", "left_key", "right_key"), name="registers_candidate_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="Statement",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("dataset", models.CharField(max_length=130)),
                ("key", models.CharField(max_length=64)),
                ("authority", models.CharField(max_length=63)),
                ("values", models.JSONField(encoder=django.core.serializers.json.DjangoJSONEncoder)),
                ("valid_from", models.DateField(null=True)),
                ("valid_to", models.DateField(null=True)),
                ("received_at", models.DateTimeField()),
                ("known_until", models.DateTimeField(null=True)),
                ("line", models.BigIntegerField(default=0)),
                (
                    "load",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="statements", to="registers.load"
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["dataset", "key"], name="registers_statement_thing"),
                    models.Index(
                        condition=models.Q(("known_until", None)),
                        fields=["dataset", "valid_from"],
                        name="registers_statement_begins",
                    ),
                    models.Index(
                        condition=models.Q(("known_until", None)), fields=["dataset", "valid_to"], name="registers_statement_ends"
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("valid_from", None), ("valid_to", None), ("valid_to__gt", models.F("valid_from")), _connector="OR"
                        ),
                        name="registers_statement_days_in_order",
                    ),
                    django.contrib.postgres.constraints.ExclusionConstraint(
                        expressions=[
                            ("key", "="),
                            ("dataset", "="),
                            ("authority", "="),
                            (chengyun.share.registers.models.Days("valid_from", "valid_to"), "&&"),
                            (chengyun.share.registers.models.Instants("received_at", "known_until"), "&&"),
                        ],
                        name="registers_statement_one_at_a_time",
                    ),
                ],
            },
        ),
    ]
