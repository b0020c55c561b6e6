# SPDX-License-Identifier: Apache-2.0
"""What is said in one breath stands in one row: a place is that of its first leaf, the others follow it.

ends: where in `leaf` each of several leaves ends, in bytes; empty for one. Part of a leaf is read from where it is kept: it is not
compressed, and need not be put together whole. Whoever appends writes what waits along with it, without a trigger.
"""

from django.db import migrations

ADD = """
ALTER TABLE ledger_entry ADD ends integer[] NOT NULL DEFAULT '{}', ALTER leaf SET STORAGE EXTERNAL;
DROP TRIGGER ledger_wait ON ledger_entry;
DROP FUNCTION ledger_wait();
"""
DROP = """
ALTER TABLE ledger_entry DROP ends, ALTER leaf SET STORAGE EXTENDED;
CREATE FUNCTION ledger_wait() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ledger_waiting (entry_id, log) SELECT id, log FROM added;
    RETURN NULL;
END
$$;
CREATE TRIGGER ledger_wait AFTER INSERT ON ledger_entry
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION ledger_wait();
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0002_lighter")]
    operations = [migrations.RunSQL(ADD, DROP)]
