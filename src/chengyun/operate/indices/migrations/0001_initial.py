# SPDX-License-Identifier: Apache-2.0

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies: list[tuple[str, str]] = []

    operations = [
        migrations.CreateModel(
            name="Taken",
            fields=[
                ("stream", models.CharField(max_length=130, primary_key=True, serialize=False)),
                ("seq", models.BigIntegerField()),
            ],
        ),
    ]
