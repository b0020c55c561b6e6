# SPDX-License-Identifier: Apache-2.0

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("lake", "0002_keeping")]

    operations = [
        migrations.AddField("stream", "shape", models.JSONField(null=True)),
        migrations.AddField("stream", "sealing_fault", models.TextField(null=True)),
        migrations.AddField("stream", "renewed_seq", models.BigIntegerField(null=True)),
    ]
