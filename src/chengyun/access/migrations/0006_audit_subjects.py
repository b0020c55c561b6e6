# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("access", "0005_grants"),
    ]

    operations = [
        migrations.RunSQL(
            (Path(__file__).parent / "audit_0006.sql").read_text(encoding="utf-8"),
            "DROP TABLE access_auditsubject;",
        ),
    ]
