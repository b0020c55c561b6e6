# SPDX-License-Identifier: Apache-2.0
from django.db import migrations

# Asked by row-level security for each statement: whoever asks needs no right to read grants, and learns yes or no of one.
STANDS = """
CREATE FUNCTION access_grant_stands(wanted bigint) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT EXISTS (
        SELECT 1 FROM public.access_grant WHERE id = wanted AND since <= statement_timestamp() AND revoked_at IS NULL
        AND (until IS NULL OR until > statement_timestamp())
    )
$$;
REVOKE ALL ON FUNCTION access_grant_stands(bigint) FROM PUBLIC;
"""


class Migration(migrations.Migration):
    dependencies = [("access", "0006_audit_subjects")]

    operations = [migrations.RunSQL(STANDS, "DROP FUNCTION access_grant_stands(bigint)")]
