# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

from django.db import migrations

SQL = (Path(__file__).parent / "logs_0001.sql").read_text(encoding="utf-8")
DROP = """
DROP TABLE ledger_head, ledger_tile, ledger_place, ledger_waiting, ledger_entry;
DROP FUNCTION ledger_wait(), ledger_refuse(), ledger_grow();
"""


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [migrations.RunSQL(SQL, DROP)]
