# SPDX-License-Identifier: Apache-2.0
from django.db import migrations, models

# Ends of kinds of cases there were before: what was dropped was neither late nor in time.
KNOWN = """
UPDATE cases_case c SET in_time = k.used_s <= k.limit_s FROM cases_caseclock k
WHERE k.case_id = c.id AND c.ended AND c.state NOT IN ('void', 'rejected', 'merged', 'duplicate')
"""


class Migration(migrations.Migration):
    dependencies = [("cases", "0005_fewer_indexes")]
    operations = [
        migrations.AddField("case", "in_time", models.BooleanField(blank=True, null=True, verbose_name="按期")),
        migrations.RunSQL(KNOWN, migrations.RunSQL.noop),
    ]
