# SPDX-License-Identifier: Apache-2.0

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("statistics", "0001_cells"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="cell",
            name="statistics_cell_category",
        ),
        migrations.RemoveIndex(
            model_name="cell",
            name="statistics_cell_department",
        ),
        migrations.AddIndex(
            model_name="cell",
            index=models.Index(
                condition=models.Q(("category", ""), _negated=True),
                fields=["sheet", "category", "day", "area"],
                name="statistics_cell_of_category",
            ),
        ),
        migrations.AddIndex(
            model_name="cell",
            index=models.Index(
                condition=models.Q(("department", 0), _negated=True),
                fields=["sheet", "department", "day", "area"],
                name="statistics_cell_of_body",
            ),
        ),
    ]
