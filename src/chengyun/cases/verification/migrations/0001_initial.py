# SPDX-License-Identifier: Apache-2.0
import django.core.serializers.json
import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("cases", "0004_replay"),
    ]

    operations = [
        migrations.CreateModel(
            name="ToLook",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("since", models.DateTimeField()),
                ("case", models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="cases.case")),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="Sign",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("rule", models.CharField(max_length=32, verbose_name="规则")),
                ("edition", models.DateField(verbose_name="规则版本")),
                ("weight", models.FloatField(verbose_name="权重")),
                ("subject", models.CharField(max_length=64)),
                ("detail", models.JSONField(default=dict, encoder=django.core.serializers.json.DjangoJSONEncoder)),
                ("found_at", models.DateTimeField(verbose_name="发现时间")),
                (
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="signs", to="cases.case", verbose_name="案件"
                    ),
                ),
            ],
            options={
                "verbose_name": "虚假处置迹象",
                "verbose_name_plural": "虚假处置迹象",
                "ordering": ["-weight", "id"],
                "constraints": [models.UniqueConstraint(fields=("case", "rule", "subject"), name="verification_sign_once")],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="sign",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="160bead35026be386140698d61c4ee59fc820291",
                    operation="UPDATE",
                    pgid="pgtrigger_append_only_1aff5",
                    table="verification_sign",
                    when="BEFORE",
                ),
            ),
        ),
    ]
