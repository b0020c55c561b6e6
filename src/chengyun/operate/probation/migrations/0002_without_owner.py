# SPDX-License-Identifier: Apache-2.0
"""A pack's rule that was over its budget has nobody who filed it."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [migrations.swappable_dependency(settings.AUTH_USER_MODEL), ("probation", "0001_initial")]

    operations = [
        migrations.AlterField(
            model_name="filedrule",
            name="owner",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="负责人",
            ),  # fmt: skip
        )
    ]
