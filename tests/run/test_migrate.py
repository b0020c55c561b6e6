# SPDX-License-Identifier: Apache-2.0
"""An empty database is made the quick way, and is what Django's own way makes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from django.db import connection

PLAIN = "from chengyun.run import setup; setup.django(); from django.core.management.commands.migrate import Command; "
SWIFT = "from chengyun.run import setup; setup.django(); from chengyun.run.management.commands.migrate import Command; "
RUN = "from django.core.management import call_command; call_command(Command(), interactive=False, verbosity=0)"
COLUMNS = """
SELECT format('%s.%s.%s %s %s %s', table_schema, table_name, column_name, data_type, is_nullable, column_default)
FROM information_schema.columns WHERE table_schema NOT IN ('pg_catalog', 'information_schema')
UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname NOT IN ('pg_catalog')
UNION ALL SELECT format('%s %s', conrelid::regclass, pg_get_constraintdef(oid)) FROM pg_constraint
          WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT pg_get_functiondef(p.oid) FROM pg_proc p
          WHERE pronamespace = 'public'::regnamespace AND prokind = 'f' AND prolang <> 13
UNION ALL SELECT format('%s.%s', app, name) FROM django_migrations
"""


@pytest.mark.timeout(240)
def test_both_ways_lead_to_the_same_schema(db, tmp_path: Path) -> None:
    made: dict[str, list[str]] = {}
    here = urlsplit(os.environ["CHENGYUN_DATABASE_URL"])
    given = connection.get_connection_params()
    where = {name: given[name] for name in ("host", "port", "user", "password") if given.get(name)}
    for name, way in (("ways_plain", PLAIN), ("ways_swift", SWIFT)):
        with psycopg.connect(**where, dbname="postgres", autocommit=True) as admin:
            admin.execute(f"DROP DATABASE IF EXISTS {name}")
            admin.execute(f"CREATE DATABASE {name}")
        env = {**os.environ, "CHENGYUN_DATABASE_URL": urlunsplit(here._replace(path=f"/{name}")), "CHENGYUN_DATA": str(tmp_path)}
        subprocess.run([sys.executable, "-c", way + RUN], env=env, check=True, timeout=200)
        with psycopg.connect(**where, dbname=name) as made_one:
            made[name] = sorted(str(row[0]) for row in made_one.execute(COLUMNS))
    assert len(made["ways_plain"]) > 2_000
    assert made["ways_swift"] == made["ways_plain"]
