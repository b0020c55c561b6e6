# SPDX-License-Identifier: Apache-2.0

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("statistics", "0002_by_place"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="cell",
            name="statistics_cell_of_category",
        ),
        migrations.RemoveIndex(
            model_name="cell",
            name="statistics_cell_of_body",
        ),
        migrations.AddIndex(
            model_name="cell",
            index=models.Index(
                condition=models.Q(("category", ""), _negated=True),
                fields=["sheet", "category", "day", "area", "department", "source"],
                name="statistics_cell_by_category",
            ),
        ),
        migrations.AddIndex(
            model_name="cell",
            index=models.Index(
                condition=models.Q(("department", 0), _negated=True),
                fields=["sheet", "department", "day", "area", "category", "source"],
                name="statistics_cell_by_body",
            ),
        ),
    ]
