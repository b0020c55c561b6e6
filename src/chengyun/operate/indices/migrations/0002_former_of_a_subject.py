# SPDX-License-Identifier: Apache-2.0
"""Former figures of one subject are found by it: a chain of years of days, each computed many times, is not read whole."""

from django.db import migrations

INDEX = """
CREATE INDEX operate_figure_former_of ON operate_figure (indicator, subject, period_start) WHERE superseded_at IS NOT NULL
"""


class Migration(migrations.Migration):
    dependencies = [("operate_indices", "0001_initial"), ("operate", "0001_initial")]

    operations = [migrations.RunSQL(INDEX, "DROP INDEX operate_figure_former_of")]
