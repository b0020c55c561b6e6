# SPDX-License-Identifier: Apache-2.0
import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("catalogue", "0001_resources"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="HarvestAddress",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("origin", models.CharField(max_length=64, unique=True, verbose_name="来源目录")),
                ("url", models.CharField(max_length=1000, verbose_name="网址")),
                ("every_h", models.PositiveIntegerField(default=24, verbose_name="间隔（小时）")),
                (
                    "state",
                    models.CharField(
                        choices=[("active", "按时采集"), ("paused", "已暂停")],
                        default="active",
                        max_length=10,
                        verbose_name="状态",
                    ),
                ),
                ("next_at", models.DateTimeField(null=True, verbose_name="下次采集")),
                ("read_at", models.DateTimeField(null=True, verbose_name="最近成功")),
                ("pages", models.JSONField(default=list)),
                ("failures", models.PositiveIntegerField(default=0, verbose_name="连续失败")),
                ("trouble", models.CharField(blank=True, default="", max_length=500, verbose_name="失败原因")),
                ("made_by", models.CharField(max_length=100)),
                ("made_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "ordering": ["origin"],
            },
        ),
        migrations.AddField(
            model_name="dataelement",
            name="approved_on",
            field=models.DateField(blank=True, null=True, verbose_name="批准日期"),
        ),
        migrations.AddField(
            model_name="dataelement",
            name="domain",
            field=models.CharField(blank=True, default="", max_length=500, verbose_name="值域"),
        ),
        migrations.AddField(
            model_name="dataelement",
            name="format",
            field=models.CharField(blank=True, default="", max_length=40, verbose_name="数据格式"),
        ),
        migrations.AddField(
            model_name="dataelement",
            name="name_en",
            field=models.CharField(blank=True, default="", max_length=200, verbose_name="英文名称"),
        ),
        migrations.AddField(
            model_name="dataelement",
            name="note",
            field=models.CharField(blank=True, default="", max_length=500, verbose_name="备注"),
        ),
        migrations.AddField(
            model_name="dataelement",
            name="object_class",
            field=models.CharField(blank=True, default="", max_length=100, verbose_name="对象类词"),
        ),
        migrations.AddField(
            model_name="dataelement",
            name="property_word",
            field=models.CharField(blank=True, default="", max_length=100, verbose_name="特性词"),
        ),
        migrations.AddField(
            model_name="dataelement",
            name="relation",
            field=models.CharField(blank=True, default="", max_length=300, verbose_name="关系"),
        ),
        migrations.AddField(
            model_name="dataelement",
            name="replaced_by",
            field=models.CharField(blank=True, default="", max_length=130, verbose_name="改用"),
        ),
        migrations.AddField(
            model_name="dataelement",
            name="representation",
            field=models.CharField(blank=True, default="", max_length=100, verbose_name="表示词"),
        ),
        migrations.AddField(
            model_name="dataelement",
            name="submitter",
            field=models.CharField(blank=True, default="", max_length=200, verbose_name="提交机构"),
        ),
        migrations.AddField(
            model_name="dataelement",
            name="synonyms",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=200), blank=True, default=list, size=None
            ),
        ),
        migrations.AddField(
            model_name="dataelement",
            name="unit",
            field=models.CharField(blank=True, default="", max_length=40, verbose_name="计量单位"),
        ),
        migrations.AddField(
            model_name="dataelement",
            name="version",
            field=models.PositiveIntegerField(default=1, verbose_name="版本"),
        ),
        migrations.AddField(
            model_name="harvest",
            name="outcome",
            field=models.CharField(
                choices=[("taken", "已采集"), ("unchanged", "没有变化"), ("failed", "失败")],
                default="taken",
                max_length=10,
                verbose_name="结果",
            ),
        ),
        migrations.AddField(
            model_name="harvest",
            name="trouble",
            field=models.CharField(blank=True, default="", max_length=500, verbose_name="失败原因"),
        ),
        migrations.AlterField(
            model_name="harvest",
            name="added",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AlterField(
            model_name="harvest",
            name="changed",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AlterField(
            model_name="harvest",
            name="fault_count",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AlterField(
            model_name="harvest",
            name="found",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AlterField(
            model_name="harvest",
            name="refused",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AlterField(
            model_name="harvest",
            name="standard",
            field=models.CharField(blank=True, default="", max_length=20, verbose_name="标准"),
        ),
        migrations.AlterField(
            model_name="harvest",
            name="withdrawn",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.CreateModel(
            name="ElementChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("element", models.CharField(max_length=130, verbose_name="数据元标识")),
                ("number", models.PositiveIntegerField(null=True, verbose_name="版本")),
                ("base", models.PositiveIntegerField()),
                (
                    "state",
                    models.CharField(
                        choices=[("submitted", "待审核"), ("accepted", "已通过"), ("returned", "已退回")],
                        default="submitted",
                        max_length=10,
                        verbose_name="状态",
                    ),
                ),
                ("changes", models.JSONField(default=dict)),
                ("reason", models.CharField(blank=True, default="", max_length=300, verbose_name="修改说明")),
                ("author_name", models.CharField(max_length=100, verbose_name="编辑人")),
                ("made_at", models.DateTimeField()),
                ("reviewer_name", models.CharField(blank=True, default="", max_length=100, verbose_name="审核人")),
                ("reviewed_at", models.DateTimeField(null=True)),
                ("note", models.CharField(blank=True, default="", max_length=500, verbose_name="审核意见")),
                (
                    "author",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "reviewer",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "ordering": ["-made_at", "-id"],
                "constraints": [
                    models.UniqueConstraint(fields=("element", "number"), name="catalogue_element_version_once"),
                    models.UniqueConstraint(
                        condition=models.Q(("state", "submitted")), fields=("element",), name="catalogue_one_open_element_change"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "accepted"), _negated=True),
                            ("reviewer", None),
                            models.Q(("reviewer", models.F("author")), _negated=True),
                            _connector="OR",
                        ),
                        name="catalogue_element_four_eyes",
                    ),
                ],
            },
        ),
    ]
