# SPDX-License-Identifier: Apache-2.0
from django.db import migrations

# Cases of before get their open stay, since their last step: history lists what came earlier.
STAYS = """
INSERT INTO cases_casestage (case_id, state, owner_id, person_id, post, clock, reason, entered_at, basis, limit_s, used_s, own_limit,
                             due_at, told)
SELECT c.id, c.state, c.owner_id, c.person_id, '', CASE WHEN c.ended THEN 'ended' ELSE 'runs' END, '',
       coalesce(c.closed_at, (SELECT max(e.at) FROM cases_caseevent e WHERE e.case_id = c.id AND e.kind = 'step'), c.opened_at),
       'continuous', k.limit_s, k.used_s, false, c.due_at, 0
FROM cases_case c JOIN cases_caseclock k ON k.case_id = c.id;
UPDATE cases_caseclock SET granted_s = limit_s WHERE granted_s = 0;
UPDATE cases_case c SET stage_since = s.entered_at, stage_id = s.id, department_id = c.owner_id,
       warn_at = CASE WHEN c.ended THEN NULL ELSE c.opened_at + (c.due_at - c.opened_at) * 0.8 END
FROM cases_casestage s WHERE s.case_id = c.id;
"""


class Migration(migrations.Migration):
    dependencies = [("cases", "0002_casework")]
    operations = [migrations.RunSQL(STAYS, migrations.RunSQL.noop)]
