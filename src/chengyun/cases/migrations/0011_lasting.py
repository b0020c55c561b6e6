# SPDX-License-Identifier: Apache-2.0
from django.db import migrations

# Who asks which cases were under way in a past month finds those that ended in it by their end, and those that ended later by
# their opening, a month back; the few that lasted longer are here. As a difference of instants, which no setting changes.
LASTING = """
CREATE INDEX cases_case_lasting ON cases_case (closed_at, opened_at)
WHERE ended AND closed_at - opened_at > interval '30 days'
"""


class Migration(migrations.Migration):
    dependencies = [("cases", "0010_words")]
    operations = [migrations.RunSQL(LASTING, "DROP INDEX cases_case_lasting")]
