# SPDX-License-Identifier: Apache-2.0
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Network",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.SlugField(max_length=40, unique=True, verbose_name="标识")),
                ("name", models.CharField(max_length=100, verbose_name="名称")),
                ("source", models.CharField(max_length=300, verbose_name="来源")),
                ("digest", models.CharField(max_length=64)),
                ("extract", models.BinaryField()),
                ("nodes", models.IntegerField(verbose_name="路口与折点")),
                ("ways", models.IntegerField(verbose_name="道路")),
                ("bounds", models.JSONField()),
                ("loaded_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="载入于")),
            ],
            options={
                "verbose_name": "路网",
                "verbose_name_plural": "路网",
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="Run",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("model", models.CharField(max_length=40, verbose_name="模型")),
                ("version", models.CharField(max_length=16, verbose_name="版本")),
                ("title", models.CharField(max_length=120, verbose_name="名称")),
                ("inputs", models.JSONField(verbose_name="输入")),
                ("basis", models.JSONField(default=dict)),
                ("seed", models.BigIntegerField(verbose_name="随机种子")),
                (
                    "state",
                    models.CharField(
                        choices=[("asked", "排队中"), ("running", "计算中"), ("done", "完成"), ("failed", "未完成")],
                        db_index=True,
                        default="asked",
                        max_length=8,
                        verbose_name="状态",
                    ),
                ),
                ("reason", models.TextField(blank=True, default="")),
                ("result", models.JSONField(default=dict)),
                ("asked_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="提出于")),
                ("started_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "asked_by",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "verbose_name": "推演",
                "verbose_name_plural": "推演",
                "ordering": ["-id"],
            },
        ),
    ]
