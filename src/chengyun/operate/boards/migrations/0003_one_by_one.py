# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("boards", "0002_memory")]
    # The function of before says the same of the same things, so the way back leaves this one.
    operations = [
        migrations.RunSQL(Path(__file__).with_name("memory_0003.sql").read_text(encoding="utf-8"), migrations.RunSQL.noop)
    ]
