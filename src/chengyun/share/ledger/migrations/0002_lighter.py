# SPDX-License-Identifier: Apache-2.0
"""A place is given to entries that were just read, and no entry can be deleted: none is looked up and locked again for it.

An entry that is gone all the same is found by `chengyun ledger LOG --check`.
"""

from django.db import migrations

DROP = "ALTER TABLE ledger_place DROP CONSTRAINT IF EXISTS ledger_place_entry_id_fkey"
ADD = "ALTER TABLE ledger_place ADD CONSTRAINT ledger_place_entry_id_fkey FOREIGN KEY (entry_id) REFERENCES ledger_entry (id)"


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_initial")]
    operations = [migrations.RunSQL(DROP, ADD)]
