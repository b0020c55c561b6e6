# SPDX-License-Identifier: Apache-2.0
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("cases", "0003_stays"),
    ]

    operations = [
        migrations.CreateModel(
            name="Replay",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=200, unique=True)),
                ("lines", models.BigIntegerField(default=0)),
                ("cases", models.BigIntegerField(default=0)),
                ("steps", models.BigIntegerField(default=0)),
                ("started_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("finished_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.AddField(
            model_name="caseclock",
            name="started_at",
            field=models.DateTimeField(null=True, verbose_name="首次计时"),
        ),
        migrations.CreateModel(
            name="ReplayReject",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("line", models.BigIntegerField()),
                ("case", models.CharField(max_length=200)),
                ("reason", models.CharField(max_length=500)),
                (
                    "replay",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="rejects", to="cases.replay"),
                ),
            ],
            options={
                "ordering": ["line"],
            },
        ),
        migrations.CreateModel(
            name="ReplayedCase",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=200)),
                ("case", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="cases.case")),
                (
                    "replay",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="cases.replay"
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("replay", "key"), name="cases_replayedcase_key")],
            },
        ),
        migrations.RunSQL(
            "UPDATE cases_caseclock k SET started_at = c.opened_at FROM cases_case c WHERE c.id = k.case_id",
            migrations.RunSQL.noop,
        ),
    ]
