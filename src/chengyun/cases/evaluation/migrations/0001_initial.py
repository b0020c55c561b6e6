# SPDX-License-Identifier: Apache-2.0
import django.core.serializers.json
import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("cases", "0003_stays"),
    ]

    operations = [
        migrations.CreateModel(
            name="Edition",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("type", models.CharField(max_length=130, verbose_name="案件类型")),
                ("first", models.DateField(verbose_name="起")),
                ("last", models.DateField(verbose_name="止")),
                ("number", models.PositiveSmallIntegerField(verbose_name="版次")),
                ("counted_at", models.DateTimeField(verbose_name="统计时间")),
                ("counted_by", models.CharField(max_length=150)),
                ("published_at", models.DateTimeField(null=True, verbose_name="发布时间")),
                ("published_by", models.CharField(blank=True, default="", max_length=150, verbose_name="发布人")),
                ("note", models.CharField(blank=True, default="", max_length=500, verbose_name="更正说明")),
                ("declared", models.JSONField(default=dict)),
                ("cases", models.IntegerField(default=0, verbose_name="案件数")),
                ("digest", models.CharField(blank=True, default="", max_length=64, verbose_name="SHA-256")),
                (
                    "follows",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="followed_by",
                        to="evaluation.edition",
                    ),
                ),
            ],
            options={
                "ordering": ["-first", "-number"],
            },
        ),
        migrations.CreateModel(
            name="Fact",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("dimension", models.CharField(max_length=12)),
                ("unit", models.CharField(max_length=64)),
                ("stratum", models.CharField(max_length=120)),
                ("counted", models.BigIntegerField()),
                ("fair", models.BigIntegerField()),
                ("shown", models.IntegerField()),
                ("doubt", models.FloatField(default=0.0)),
                (
                    "case",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="cases.case"
                    ),
                ),
                (
                    "edition",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="facts", to="evaluation.edition"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Standing",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("profile", models.CharField(max_length=63)),
                ("level", models.CharField(blank=True, default="", max_length=10)),
                ("unit", models.CharField(max_length=64)),
                ("name", models.CharField(max_length=200)),
                ("area_code", models.CharField(blank=True, default="", max_length=12)),
                ("value", models.FloatField(null=True)),
                ("low", models.FloatField(null=True)),
                ("high", models.FloatField(null=True)),
                ("grade", models.CharField(blank=True, default="", max_length=4)),
                ("plain_order", models.IntegerField(null=True)),
                ("fair", models.FloatField(null=True)),
                ("order", models.IntegerField(null=True)),
                ("place", models.IntegerField(null=True)),
                ("signs", models.IntegerField(default=0)),
                ("result", models.JSONField(encoder=django.core.serializers.json.DjangoJSONEncoder)),
                (
                    "edition",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="standings",
                        to="evaluation.edition",
                    ),
                ),
            ],
            options={
                "ordering": ["edition", "profile", "level", "order", "unit"],
            },
        ),
        migrations.AddConstraint(
            model_name="edition",
            constraint=models.UniqueConstraint(fields=("type", "first", "last", "number"), name="evaluation_edition_once"),
        ),
        migrations.AddConstraint(
            model_name="edition",
            constraint=models.CheckConstraint(
                condition=models.Q(("published_at", None), models.Q(("digest", ""), _negated=True), _connector="OR"),
                name="evaluation_edition_published_has_digest",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="edition",
            trigger=pgtrigger.compiler.Trigger(
                name="frozen",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."published_at" IS NOT NULL)',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="6232ed0ba5979d1e1c4148363820919b6d680b15",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_frozen_20b4b",
                    table="evaluation_edition",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="fact",
            index=models.Index(fields=["edition", "dimension", "unit"], name="evaluation_fact_unit"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="fact",
            trigger=pgtrigger.compiler.Trigger(
                name="frozen",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n        IF EXISTS (SELECT 1 FROM evaluation_edition e WHERE e.id = OLD.edition_id AND e.published_at IS NOT NULL) THEN\n          RAISE EXCEPTION '%: edition % is published and frozen; publish a correction.', TG_TABLE_NAME, OLD.edition_id;\n        END IF;\n        RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;\n    ",
                    hash="030ed7c24bdcdf4ca8152a3ee429f2d2c42a5663",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_frozen_29691",
                    table="evaluation_fact",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="fact",
            trigger=pgtrigger.compiler.Trigger(
                name="closed",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n        IF EXISTS (SELECT 1 FROM evaluation_edition e WHERE e.published_at IS NOT NULL\n                   AND e.id IN (SELECT DISTINCT edition_id FROM added)) THEN\n          RAISE EXCEPTION '%: the edition is published and frozen; publish a correction.', TG_TABLE_NAME;\n        END IF;\n        RETURN NULL;\n    ",
                    hash="441c91efeb845908e07f54b1ca7a6902404960e9",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_closed_0708f",
                    referencing="REFERENCING NEW TABLE AS added ",
                    table="evaluation_fact",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="standing",
            constraint=models.UniqueConstraint(fields=("edition", "profile", "level", "unit"), name="evaluation_standing_once"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="standing",
            trigger=pgtrigger.compiler.Trigger(
                name="frozen",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n        IF EXISTS (SELECT 1 FROM evaluation_edition e WHERE e.id = OLD.edition_id AND e.published_at IS NOT NULL) THEN\n          RAISE EXCEPTION '%: edition % is published and frozen; publish a correction.', TG_TABLE_NAME, OLD.edition_id;\n        END IF;\n        RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;\n    ",
                    hash="320c513d2103289028fd2939682504a9946e2b05",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_frozen_311c4",
                    table="evaluation_standing",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="standing",
            trigger=pgtrigger.compiler.Trigger(
                name="closed",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n        IF EXISTS (SELECT 1 FROM evaluation_edition e WHERE e.published_at IS NOT NULL\n                   AND e.id IN (SELECT DISTINCT edition_id FROM added)) THEN\n          RAISE EXCEPTION '%: the edition is published and frozen; publish a correction.', TG_TABLE_NAME;\n        END IF;\n        RETURN NULL;\n    ",
                    hash="2d23635ca33e5db0a234ec29f45fcf613ae318a8",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_closed_cc363",
                    referencing="REFERENCING NEW TABLE AS added ",
                    table="evaluation_standing",
                    when="AFTER",
                ),
            ),
        ),
    ]
