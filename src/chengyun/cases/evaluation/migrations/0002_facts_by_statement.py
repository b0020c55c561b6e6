# SPDX-License-Identifier: Apache-2.0

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("cases", "0009_category_events"),
        ("evaluation", "0001_initial"),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name="fact",
            name="frozen",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="fact",
            name="closed",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="standing",
            name="closed",
        ),
        migrations.AlterField(
            model_name="fact",
            name="case",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="cases.case",
            ),
        ),
        migrations.AlterField(
            model_name="fact",
            name="edition",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="facts",
                to="evaluation.edition",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="fact",
            trigger=pgtrigger.compiler.Trigger(
                name="closed",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n        IF EXISTS (SELECT 1 FROM (SELECT DISTINCT edition_id FROM added) a LEFT JOIN evaluation_edition e ON e.id = a.edition_id\n                   WHERE e.id IS NULL OR e.published_at IS NOT NULL) THEN\n          RAISE EXCEPTION '%: the edition is published and frozen, or gone; publish a correction.', TG_TABLE_NAME;\n        END IF;\n        RETURN NULL;\n    ",
                    hash="bb9dc519f3de2bcfec3f9f55b81e599ad7448186",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_closed_0708f",
                    referencing="REFERENCING NEW TABLE AS added ",
                    table="evaluation_fact",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="fact",
            trigger=pgtrigger.compiler.Trigger(
                name="kept",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n            IF EXISTS (SELECT 1 FROM (SELECT edition_id FROM gone) a JOIN evaluation_edition e ON e.id = a.edition_id\n                       WHERE e.published_at IS NOT NULL) THEN\n              RAISE EXCEPTION '%: the edition is published and frozen; publish a correction.', TG_TABLE_NAME;\n            END IF;\n            RETURN NULL;\n        ",
                    hash="068faee4b5e232f2588ef5ac34d385e1d1566805",
                    level="STATEMENT",
                    operation="DELETE",
                    pgid="pgtrigger_kept_b50f4",
                    referencing="REFERENCING OLD TABLE AS gone ",
                    table="evaluation_fact",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="fact",
            trigger=pgtrigger.compiler.Trigger(
                name="unchanged",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n            IF EXISTS (SELECT 1 FROM (SELECT edition_id FROM gone UNION SELECT edition_id FROM made) a JOIN evaluation_edition e ON e.id = a.edition_id\n                       WHERE e.published_at IS NOT NULL) THEN\n              RAISE EXCEPTION '%: the edition is published and frozen; publish a correction.', TG_TABLE_NAME;\n            END IF;\n            RETURN NULL;\n        ",
                    hash="6509fa0f7c9b7c273f963a123ba905f0065b02a0",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_unchanged_17548",
                    referencing="REFERENCING OLD TABLE AS gone  NEW TABLE AS made ",
                    table="evaluation_fact",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="standing",
            trigger=pgtrigger.compiler.Trigger(
                name="closed",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n        IF EXISTS (SELECT 1 FROM (SELECT DISTINCT edition_id FROM added) a LEFT JOIN evaluation_edition e ON e.id = a.edition_id\n                   WHERE e.id IS NULL OR e.published_at IS NOT NULL) THEN\n          RAISE EXCEPTION '%: the edition is published and frozen, or gone; publish a correction.', TG_TABLE_NAME;\n        END IF;\n        RETURN NULL;\n    ",
                    hash="977f2883007d9a4a910acae5821e2ea3cc7bb921",
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
