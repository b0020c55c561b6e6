# SPDX-License-Identifier: Apache-2.0
from django.contrib.postgres.indexes import BrinIndex
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("cases", "0007_numbers")]
    operations = [
        migrations.AddIndex("caseevent", BrinIndex(fields=["at"], name="cases_caseevent_at", autosummarize=True)),
    ]
