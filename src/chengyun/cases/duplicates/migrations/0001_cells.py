# SPDX-License-Identifier: Apache-2.0
"""Two indexes by square of a thousandth of a degree, newest first: what is near and recent is found without a look at the rest."""

from django.db import migrations

CELL = "(floor(lon * 1000)::int), (floor(lat * 1000)::int)"


class Migration(migrations.Migration):
    dependencies = [("cases", "0001_initial")]

    operations = [
        migrations.RunSQL(
            f"CREATE INDEX duplicates_recent ON cases_case ({CELL}, opened_at DESC) WHERE lon IS NOT NULL",
            "DROP INDEX duplicates_recent",
        ),
        migrations.RunSQL(
            f"CREATE INDEX duplicates_open ON cases_case ({CELL}, opened_at DESC) WHERE lon IS NOT NULL AND NOT ended",
            "DROP INDEX duplicates_open",
        ),
    ]
