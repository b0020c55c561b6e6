# SPDX-License-Identifier: Apache-2.0
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [("cases", "0006_in_time")]

    operations = [
        migrations.CreateModel(
            name="Delta",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("type", models.CharField(max_length=130)),
                ("day", models.DateField()),
                ("area", models.CharField(max_length=12)),
                ("category", models.CharField(max_length=64)),
                ("department", models.BigIntegerField()),
                ("source", models.CharField(max_length=16)),
                ("opened", models.IntegerField(default=0)),
                ("simulated", models.IntegerField(default=0)),
                ("returned", models.IntegerField(default=0)),
                ("reworked", models.IntegerField(default=0)),
                ("reopened", models.IntegerField(default=0)),
                ("closed", models.IntegerField(default=0)),
                ("in_time", models.IntegerField(default=0)),
                ("dropped", models.IntegerField(default=0)),
                ("seconds", models.BigIntegerField(default=0)),
                ("h0", models.IntegerField(default=0)),
                ("h1", models.IntegerField(default=0)),
                ("h2", models.IntegerField(default=0)),
                ("h3", models.IntegerField(default=0)),
                ("h4", models.IntegerField(default=0)),
                ("h5", models.IntegerField(default=0)),
                ("h6", models.IntegerField(default=0)),
                ("h7", models.IntegerField(default=0)),
                ("h8", models.IntegerField(default=0)),
                ("h9", models.IntegerField(default=0)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Cell",
            fields=[
                ("type", models.CharField(max_length=130)),
                ("day", models.DateField()),
                ("area", models.CharField(max_length=12)),
                ("category", models.CharField(max_length=64)),
                ("department", models.BigIntegerField()),
                ("source", models.CharField(max_length=16)),
                ("opened", models.IntegerField(default=0)),
                ("simulated", models.IntegerField(default=0)),
                ("returned", models.IntegerField(default=0)),
                ("reworked", models.IntegerField(default=0)),
                ("reopened", models.IntegerField(default=0)),
                ("closed", models.IntegerField(default=0)),
                ("in_time", models.IntegerField(default=0)),
                ("dropped", models.IntegerField(default=0)),
                ("seconds", models.BigIntegerField(default=0)),
                ("h0", models.IntegerField(default=0)),
                ("h1", models.IntegerField(default=0)),
                ("h2", models.IntegerField(default=0)),
                ("h3", models.IntegerField(default=0)),
                ("h4", models.IntegerField(default=0)),
                ("h5", models.IntegerField(default=0)),
                ("h6", models.IntegerField(default=0)),
                ("h7", models.IntegerField(default=0)),
                ("h8", models.IntegerField(default=0)),
                ("h9", models.IntegerField(default=0)),
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "sheet",
                        "type",
                        "day",
                        "area",
                        "category",
                        "department",
                        "source",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("sheet", models.SmallIntegerField()),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("category", ""), _negated=True),
                        fields=["sheet", "category", "day"],
                        name="statistics_cell_category",
                    ),
                    models.Index(
                        condition=models.Q(("department", 0), _negated=True),
                        fields=["sheet", "department", "day"],
                        name="statistics_cell_department",
                    ),
                ],
            },
        ),
    ]
