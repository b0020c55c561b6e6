# SPDX-License-Identifier: Apache-2.0

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("exchange", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="subscription",
            name="pending",
            field=models.BinaryField(null=True),
        ),
        migrations.AddField(
            model_name="subscription",
            name="pending_leaf",
            field=models.BinaryField(null=True),
        ),
        migrations.AddField(
            model_name="subscription",
            name="pending_to",
            field=models.BigIntegerField(null=True),
        ),
    ]
