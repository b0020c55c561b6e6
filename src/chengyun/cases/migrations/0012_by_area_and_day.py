# SPDX-License-Identifier: Apache-2.0

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("access", "0007_wall"),
        ("cases", "0011_lasting"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="case",
            name="cases_case_category",
        ),
        migrations.AlterField(
            model_name="case",
            name="area_code",
            field=models.CharField(blank=True, default="", max_length=12, verbose_name="区域"),
        ),
        migrations.AlterField(
            model_name="case",
            name="number",
            field=models.CharField(max_length=32, verbose_name="编号"),
        ),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(fields=["type", "category", "opened_at"], name="cases_case_category_opened"),
        ),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(
                fields=["area_code", "opened_at"],
                name="cases_case_area_opened",
                opclasses=["varchar_pattern_ops", "timestamptz_ops"],
            ),
        ),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(
                condition=models.Q(("ended", True)),
                fields=["area_code", "closed_at"],
                name="cases_case_area_closed",
                opclasses=["varchar_pattern_ops", "timestamptz_ops"],
            ),
        ),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(
                condition=models.Q(("component_key", ""), _negated=True), fields=["component_key"], name="cases_case_component"
            ),
        ),
        migrations.AddConstraint(
            model_name="case",
            constraint=models.UniqueConstraint(fields=("number",), name="cases_case_number"),
        ),
    ]
