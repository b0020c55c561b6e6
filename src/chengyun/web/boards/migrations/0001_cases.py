# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

from django.db import migrations

UNDO = """
DROP TRIGGER boards_remember_inserted ON cases_case;
DROP TRIGGER boards_remember_updated ON cases_case;
DROP TRIGGER boards_remember_deleted ON cases_case;
DROP FUNCTION boards_cases_inserted, boards_cases_updated, boards_cases_deleted, boards_standing_of(cases_case);
"""


class Migration(migrations.Migration):
    """Cases stand above boards in the house's order and beside them in the database; the pages, above both, tie them."""

    dependencies = [("boards", "0002_memory"), ("cases", "0008_event_times"), ("access", "0007_wall")]

    operations = [migrations.RunSQL(Path(__file__).with_name("memory_0001.sql").read_text(encoding="utf-8"), UNDO)]
