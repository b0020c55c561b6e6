# SPDX-License-Identifier: Apache-2.0
import django.contrib.postgres.constraints
import django.db.models.deletion
from django.contrib.postgres.operations import BtreeGistExtension
from django.db import migrations, models

import chengyun.cases.duties.models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("access", "0004_casework"),
    ]

    operations = [
        BtreeGistExtension(),
        migrations.CreateModel(
            name="Duty",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("type", models.CharField(max_length=130, verbose_name="案件类型")),
                ("category", models.CharField(blank=True, default="", max_length=64, verbose_name="类别")),
                ("area", models.CharField(blank=True, default="", max_length=12, verbose_name="区域")),
                ("clause", models.CharField(max_length=500, verbose_name="条款")),
                ("source", models.CharField(blank=True, default="", max_length=200, verbose_name="出处")),
                ("verified", models.BooleanField(default=False, verbose_name="已核对")),
                ("valid_from", models.DateField(verbose_name="生效日")),
                ("valid_to", models.DateField(blank=True, null=True, verbose_name="失效日")),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="duties",
                        to="access.organisation",
                        verbose_name="责任部门",
                    ),
                ),
            ],
            options={
                "verbose_name": "权责清单",
                "verbose_name_plural": "权责清单",
                "ordering": ["type", "category", "area", "-valid_from"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("valid_to", None), ("valid_to__gt", models.F("valid_from")), _connector="OR"),
                        name="duties_duty_ends_after_it_begins",
                    ),
                    django.contrib.postgres.constraints.ExclusionConstraint(
                        expressions=[
                            ("type", "="),
                            ("category", "="),
                            ("area", "="),
                            (chengyun.cases.duties.models.Validity("valid_from", "valid_to"), "&&"),
                        ],
                        name="duties_duty_one_at_a_time",
                    ),
                ],
            },
        ),
    ]
