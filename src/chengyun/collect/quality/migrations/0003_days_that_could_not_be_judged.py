# SPDX-License-Identifier: Apache-2.0
"""A day that could not be judged is tried again behind the others."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("quality", "0002_note_touched_days")]
    operations = [migrations.AddField("dueday", "failures", models.IntegerField(db_default=0))]
