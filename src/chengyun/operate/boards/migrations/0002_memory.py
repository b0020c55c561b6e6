# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

from django.db import migrations

UNDO = """
DROP TRIGGER boards_mark_inserted ON operate_figure;
DROP TRIGGER boards_mark_updated ON operate_figure;
DROP TRIGGER boards_remember_inserted ON operate_alert;
DROP TRIGGER boards_remember_updated ON operate_alert;
DROP TRIGGER boards_remember_deleted ON operate_alert;
DROP FUNCTION boards_mark_figures, boards_alerts_inserted, boards_alerts_updated, boards_alerts_deleted;
DROP FUNCTION boards_standing_of(operate_alert);
DROP FUNCTION boards_remember;
DROP TYPE boards_standing;
DROP INDEX boards_remembered_span;
"""


class Migration(migrations.Migration):
    dependencies = [("boards", "0001_initial"), ("operate", "0001_initial")]

    operations = [migrations.RunSQL(Path(__file__).with_name("memory_0002.sql").read_text(encoding="utf-8"), UNDO)]
