# SPDX-License-Identifier: Apache-2.0
import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.core.serializers.json
import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("access", "0005_grants"),
        ("pghistory", "0007_auto_20250421_0444"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="DataElement",
            fields=[
                ("key", models.CharField(max_length=130, primary_key=True, serialize=False, verbose_name="数据元标识")),
                ("name", models.CharField(max_length=200, verbose_name="名称")),
                (
                    "type",
                    models.CharField(
                        choices=[
                            ("C", "字符型"),
                            ("N", "数值型"),
                            ("Y", "货币型"),
                            ("D", "日期型"),
                            ("T", "日期时间型"),
                            ("L", "逻辑型"),
                            ("M", "备注型"),
                            ("G", "通用型"),
                            ("B", "双精度型"),
                            ("I", "整型"),
                            ("F", "浮点型"),
                        ],
                        max_length=1,
                        verbose_name="数据类型",
                    ),
                ),
                ("length", models.PositiveIntegerField(blank=True, null=True, verbose_name="长度")),
                ("definition", models.CharField(blank=True, default="", max_length=500, verbose_name="定义")),
                ("source", models.CharField(blank=True, default="", max_length=260, verbose_name="数据源")),
                ("personal", models.BooleanField(default=False, verbose_name="个人信息")),
                ("declared", models.BooleanField(default=False)),
                ("withdrawn", models.BooleanField(default=False)),
            ],
            options={
                "ordering": ["key"],
            },
        ),
        migrations.CreateModel(
            name="Harvest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("origin", models.CharField(max_length=64, verbose_name="来源目录")),
                ("standard", models.CharField(max_length=20, verbose_name="标准")),
                ("file", models.CharField(max_length=200, verbose_name="文件")),
                ("at", models.DateTimeField(verbose_name="时间")),
                ("actor", models.CharField(max_length=100, verbose_name="经办人")),
                ("found", models.PositiveIntegerField()),
                ("added", models.PositiveIntegerField()),
                ("changed", models.PositiveIntegerField()),
                ("withdrawn", models.PositiveIntegerField()),
                ("refused", models.PositiveIntegerField()),
                ("fault_count", models.PositiveIntegerField()),
                ("faults", models.JSONField(default=list)),
            ],
            options={
                "ordering": ["-at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="Resource",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=200, unique=True, verbose_name="标识")),
                ("kind", models.CharField(max_length=10, verbose_name="种类")),
                ("name", models.CharField(max_length=300, verbose_name="信息资源名称")),
                ("name_en", models.CharField(blank=True, default="", max_length=300, verbose_name="英文名称")),
                ("summary", models.TextField(blank=True, default="", verbose_name="信息资源摘要")),
                (
                    "keywords",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=100), blank=True, default=list, size=None
                    ),
                ),
                ("class_code", models.CharField(blank=True, default="", max_length=20, verbose_name="信息资源分类")),
                ("code", models.CharField(blank=True, max_length=40, null=True, unique=True, verbose_name="信息资源代码")),
                ("provider_name", models.CharField(blank=True, default="", max_length=200, verbose_name="信息资源提供方")),
                ("area_code", models.CharField(blank=True, default="", max_length=15, verbose_name="区域")),
                (
                    "formats",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40), blank=True, default=list, size=None
                    ),
                ),
                ("sharing", models.CharField(default="none", max_length=13, verbose_name="共享类型")),
                ("condition", models.CharField(blank=True, default="", max_length=500, verbose_name="共享条件")),
                (
                    "ways",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=10), blank=True, default=list, size=None
                    ),
                ),
                ("basis", models.CharField(blank=True, default="", max_length=500, verbose_name="不予共享的依据")),
                ("open", models.BooleanField(default=False, verbose_name="是否向社会开放")),
                ("open_condition", models.CharField(blank=True, default="", max_length=500, verbose_name="开放条件")),
                ("cycle", models.CharField(default="irregular", max_length=10, verbose_name="更新周期")),
                ("published_on", models.DateField(blank=True, null=True, verbose_name="发布日期")),
                (
                    "related",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40), blank=True, default=list, size=None
                    ),
                ),
                ("secret", models.BooleanField(default=False, verbose_name="涉密")),
                ("personal", models.BooleanField(default=False, verbose_name="含个人信息")),
                ("contact", models.CharField(blank=True, default="", max_length=200, verbose_name="联系方式")),
                (
                    "state",
                    models.CharField(
                        choices=[("draft", "草稿"), ("review", "待审核"), ("published", "已发布"), ("withdrawn", "已撤销")],
                        default="draft",
                        max_length=10,
                        verbose_name="状态",
                    ),
                ),
                ("version", models.PositiveIntegerField(default=1, verbose_name="版本")),
                (
                    "edited",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=30), blank=True, default=list, size=None
                    ),
                ),
                ("url", models.CharField(blank=True, default="", max_length=1000, verbose_name="网址")),
                (
                    "distributions",
                    models.JSONField(blank=True, default=list, encoder=django.core.serializers.json.DjangoJSONEncoder),
                ),
                ("origin", models.CharField(blank=True, default="", max_length=64, verbose_name="来源目录")),
                ("updated_at", models.DateTimeField(blank=True, null=True, verbose_name="最近更新")),
                ("made_at", models.DateTimeField(auto_now_add=True)),
                ("changed_at", models.DateTimeField(auto_now=True)),
                ("withdrawn_because", models.CharField(blank=True, default="", max_length=300, verbose_name="撤销原因")),
                (
                    "owner",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "provider",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="resources",
                        to="access.organisation",
                    ),
                ),
            ],
            options={
                "ordering": ["key"],
            },
        ),
        migrations.CreateModel(
            name="Provider",
            fields=[
                (
                    "organisation",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="provider",
                        serialize=False,
                        to="access.organisation",
                    ),
                ),
                ("code", models.CharField(blank=True, default="", max_length=18, verbose_name="提供方代码")),
                ("contact", models.CharField(blank=True, default="", max_length=200, verbose_name="联系方式")),
                ("number", models.PositiveSmallIntegerField(null=True, unique=True)),
            ],
        ),
        migrations.CreateModel(
            name="ProviderEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("code", models.CharField(blank=True, default="", max_length=18, verbose_name="提供方代码")),
                ("contact", models.CharField(blank=True, default="", max_length=200, verbose_name="联系方式")),
                ("number", models.PositiveSmallIntegerField(null=True)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Revision",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField(null=True, verbose_name="版本")),
                ("base", models.PositiveIntegerField()),
                (
                    "state",
                    models.CharField(
                        choices=[("draft", "草稿"), ("submitted", "待审核"), ("accepted", "已通过"), ("returned", "已退回")],
                        default="draft",
                        max_length=10,
                        verbose_name="状态",
                    ),
                ),
                ("changes", models.JSONField(default=dict, encoder=django.core.serializers.json.DjangoJSONEncoder)),
                ("reason", models.CharField(blank=True, default="", max_length=300, verbose_name="修改说明")),
                ("author_name", models.CharField(max_length=100, verbose_name="编辑人")),
                ("made_at", models.DateTimeField()),
                ("submitted_at", models.DateTimeField(null=True)),
                ("reviewer_name", models.CharField(blank=True, default="", max_length=100, verbose_name="审核人")),
                ("reviewed_at", models.DateTimeField(null=True)),
                ("note", models.CharField(blank=True, default="", max_length=500, verbose_name="审核意见")),
            ],
            options={
                "ordering": ["-made_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="Listing",
            fields=[
                (
                    "resource",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="listing",
                        serialize=False,
                        to="catalogue.resource",
                    ),
                ),
                ("folded", models.CharField(max_length=300)),
                ("tokens", django.contrib.postgres.search.SearchVectorField()),
                ("place", models.IntegerField()),
                ("kind", models.CharField(max_length=10)),
                ("provider", models.BigIntegerField(null=True)),
                ("area_code", models.CharField(default="", max_length=15)),
                ("class_code", models.CharField(default="", max_length=3)),
                ("sharing", models.CharField(max_length=13)),
                ("cycle", models.CharField(max_length=10)),
                ("open", models.BooleanField()),
                ("audience", models.PositiveSmallIntegerField()),
                ("state", models.CharField(max_length=10)),
            ],
        ),
        migrations.CreateModel(
            name="Item",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("position", models.PositiveSmallIntegerField()),
                ("key", models.CharField(max_length=130, verbose_name="字段")),
                ("name", models.CharField(max_length=200, verbose_name="信息项名称")),
                (
                    "type",
                    models.CharField(
                        choices=[
                            ("C", "字符型"),
                            ("N", "数值型"),
                            ("Y", "货币型"),
                            ("D", "日期型"),
                            ("T", "日期时间型"),
                            ("L", "逻辑型"),
                            ("M", "备注型"),
                            ("G", "通用型"),
                            ("B", "双精度型"),
                            ("I", "整型"),
                            ("F", "浮点型"),
                        ],
                        default="C",
                        max_length=1,
                        verbose_name="数据类型",
                    ),
                ),
                ("length", models.PositiveIntegerField(blank=True, null=True, verbose_name="长度")),
                ("definition", models.CharField(blank=True, default="", max_length=500, verbose_name="说明")),
                ("personal", models.BooleanField(default=False, verbose_name="个人信息")),
                ("source_of_record", models.BooleanField(default=False, verbose_name="数据源")),
                ("folded", models.CharField(db_index=True, default="", max_length=200)),
                (
                    "edited",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=20), blank=True, default=list, size=None
                    ),
                ),
                (
                    "element",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="items",
                        to="catalogue.dataelement",
                    ),
                ),
                (
                    "resource",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="items", to="catalogue.resource"),
                ),
            ],
            options={
                "ordering": ["resource", "position", "id"],
            },
        ),
        migrations.CreateModel(
            name="Entry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "list",
                    models.CharField(
                        choices=[("duty", "责任清单"), ("demand", "需求清单"), ("negative", "负面清单")],
                        max_length=8,
                        verbose_name="清单",
                    ),
                ),
                ("title", models.CharField(max_length=300, verbose_name="内容")),
                (
                    "wanted",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=200), blank=True, default=list, size=None
                    ),
                ),
                ("area_code", models.CharField(blank=True, default="", max_length=15)),
                ("basis", models.CharField(blank=True, default="", max_length=500, verbose_name="依据")),
                ("purpose", models.CharField(blank=True, default="", max_length=300, verbose_name="用途")),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "待落实"), ("matched", "已对应"), ("declined", "不能提供")],
                        default="open",
                        max_length=10,
                        verbose_name="状态",
                    ),
                ),
                ("note", models.CharField(blank=True, default="", max_length=500, verbose_name="答复")),
                ("made_by", models.CharField(max_length=100)),
                ("made_at", models.DateTimeField()),
                ("settled_by", models.CharField(blank=True, default="", max_length=100)),
                ("settled_at", models.DateTimeField(null=True)),
                ("removed_at", models.DateTimeField(null=True)),
                (
                    "organisation",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="access.organisation"),
                ),
                (
                    "resource",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="entries",
                        to="catalogue.resource",
                    ),
                ),
            ],
            options={
                "ordering": ["list", "-made_at", "-id"],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="provider",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "catalogue_providerevent" ("code", "contact", "number", "organisation_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id") VALUES (NEW."code", NEW."contact", NEW."number", NEW."organisation_id", _pgh_attach_context(), NOW(), \'insert\', NEW."organisation_id"); RETURN NULL;',
                    hash="2cb72573c87f9a07af540f095e03454d0d5ef1ba",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_185bb",
                    table="catalogue_provider",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="provider",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "catalogue_providerevent" ("code", "contact", "number", "organisation_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id") VALUES (NEW."code", NEW."contact", NEW."number", NEW."organisation_id", _pgh_attach_context(), NOW(), \'update\', NEW."organisation_id"); RETURN NULL;',
                    hash="ed225c5666b2203cea3626a8a3e0d010bc5b5968",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_d99cb",
                    table="catalogue_provider",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddField(
            model_name="providerevent",
            name="organisation",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                serialize=False,
                to="access.organisation",
            ),
        ),
        migrations.AddField(
            model_name="providerevent",
            name="pgh_context",
            field=models.ForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="pghistory.context",
            ),
        ),
        migrations.AddField(
            model_name="providerevent",
            name="pgh_obj",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="events",
                to="catalogue.provider",
            ),
        ),
        migrations.AddField(
            model_name="revision",
            name="author",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="revision",
            name="resource",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="revisions", to="catalogue.resource"
            ),
        ),
        migrations.AddField(
            model_name="revision",
            name="reviewer",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddIndex(
            model_name="listing",
            index=django.contrib.postgres.indexes.GinIndex(fastupdate=False, fields=["tokens"], name="catalogue_listing_tokens"),
        ),
        migrations.AddIndex(
            model_name="listing",
            index=models.Index(fields=["place", "resource"], name="catalogue_listing_place"),
        ),
        migrations.AddIndex(
            model_name="listing",
            index=models.Index(fields=["folded"], name="catalogue_listing_folded"),
        ),
        migrations.AddIndex(
            model_name="listing",
            index=models.Index(fields=["provider", "place"], name="catalogue_listing_provider"),
        ),
        migrations.AddIndex(
            model_name="resource",
            index=models.Index(
                condition=models.Q(("origin", ""), _negated=True), fields=["origin"], name="catalogue_resource_origin"
            ),
        ),
        migrations.AddIndex(
            model_name="resource",
            index=models.Index(fields=["provider", "name"], name="catalogue_resource_provider"),
        ),
        migrations.AddConstraint(
            model_name="item",
            constraint=models.UniqueConstraint(fields=("resource", "key"), name="catalogue_item_once"),
        ),
        migrations.AddIndex(
            model_name="entry",
            index=models.Index(fields=["list", "state"], name="catalogue_entry_list"),
        ),
        migrations.AddIndex(
            model_name="revision",
            index=models.Index(fields=["state", "made_at"], name="catalogue_revision_state"),
        ),
        migrations.AddConstraint(
            model_name="revision",
            constraint=models.UniqueConstraint(fields=("resource", "number"), name="catalogue_revision_once"),
        ),
        migrations.AddConstraint(
            model_name="revision",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["draft", "submitted"])),
                fields=("resource",),
                name="catalogue_one_open_revision",
            ),
        ),
        migrations.AddConstraint(
            model_name="revision",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "accepted"), _negated=True),
                    ("reviewer", None),
                    models.Q(("reviewer", models.F("author")), _negated=True),
                    _connector="OR",
                ),
                name="catalogue_four_eyes",
            ),
        ),
        # How common a word is decides whether a search walks the order of places or the word index: ten thousand are known.
        migrations.RunSQL(
            """
            ALTER TABLE catalogue_listing ALTER COLUMN tokens SET STATISTICS 1000;
            """,
            migrations.RunSQL.noop,
        ),
    ]
