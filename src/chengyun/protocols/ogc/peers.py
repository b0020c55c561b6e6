# SPDX-License-Identifier: Apache-2.0
"""tipg and pygeoapi over the same points in PostGIS, each in an environment of its own; what cannot run here is said."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg

from chengyun.bench.beside import environment, postgis, running
from chengyun.bench.place import free_ports, status
from chengyun.errors import Unavailable

__all__ = ["peers"]

WANTED = ("tipg==1.6.1", "pygeoapi==0.21.0", "uvicorn", "gunicorn", "psycopg2-binary", "geoalchemy2")
WORKERS = "2"
TABLE = """
    CREATE TABLE public.stations AS
        SELECT id::int, key, name, kind, ST_SetSRID(ST_MakePoint(lon, lat), 4326)::geometry(Point, 4326) AS geom
        FROM ({points}) AS points;
    ALTER TABLE public.stations ADD PRIMARY KEY (id);
    CREATE INDEX ON public.stations USING gist (geom);
    VACUUM ANALYZE public.stations;
"""
SETTINGS = """
server:
  bind: {{host: 127.0.0.1, port: {port}}}
  url: http://127.0.0.1:{port}
  mimetype: application/json; charset=UTF-8
  encoding: utf-8
  language: en-US
  limits: {{default_items: 10, max_items: 10000}}
  map: {{url: "https://example.org/{{z}}/{{x}}/{{y}}", attribution: none}}
logging: {{level: ERROR}}
metadata:
  identification: {{title: bench, description: bench, keywords: [bench], keywords_type: theme, terms_of_service: none,
    url: "https://example.org"}}
  license: {{name: none, url: "https://example.org"}}
  provider: {{name: bench, url: "https://example.org"}}
  contact: {{name: bench, email: bench@example.org}}
resources:
  stations:
    type: collection
    title: stations
    description: stations
    keywords: [bench]
    links: []
    extents: {{spatial: {{bbox: [121, 29, 122, 31], crs: "http://www.opengis.net/def/crs/OGC/1.3/CRS84"}}}}
    providers:
      - type: feature
        name: PostgreSQL
        data: {{host: 127.0.0.1, port: {database}, dbname: postgres, user: bench, password: none, search_path: [public]}}
        id_field: id
        table: stations
        geom_field: geom
"""


@contextlib.contextmanager
def peers(points: str) -> Iterator[tuple[dict[str, str], list[str]]]:
    """Yield the address of each peer's collection by name, and a sentence for what does not run.

    points: a query for id, key, name, kind, lon, lat.
    """
    with contextlib.ExitStack() as held:
        addresses, missing = dict[str, str](), list[str]()
        try:
            python = environment("ogc", WANTED)
            database = held.enter_context(postgis())
            with psycopg.connect(database, autocommit=True) as conn:
                for statement in TABLE.format(points=points).split(";\n"):
                    if statement.strip():
                        conn.execute(statement.encode())
        except (Unavailable, psycopg.Error) as wrong:
            yield {}, [f"tipg and pygeoapi did not run: {wrong}"]
            return
        for name, begin in {"tipg": _tipg, "pygeoapi": _pygeoapi}.items():
            try:
                addresses[name] = held.enter_context(begin(python, database))
            except (Unavailable, OSError, subprocess.SubprocessError) as wrong:
                missing.append(f"{name} did not run: {str(wrong)[:120]}")
        yield addresses, missing


@contextlib.contextmanager
def _tipg(python: Path, database: str) -> Iterator[str]:
    port = free_ports(1)[0]
    address = f"http://127.0.0.1:{port}/collections/public.stations"
    words = ["--host", "127.0.0.1", "--port", str(port), "--workers", WORKERS, "--log-level", "error"]
    env = {"DATABASE_URL": database, "TIPG_DB_SCHEMAS": '["public"]', "PATH": "/usr/bin:/bin"}
    with running([python, "-m", "uvicorn", "tipg.main:app", *words], lambda: status(address) == 200, env=env, cwd="/"):
        yield address


@contextlib.contextmanager
def _pygeoapi(python: Path, database: str) -> Iterator[str]:
    port = free_ports(1)[0]
    address = f"http://127.0.0.1:{port}/collections/stations"
    with tempfile.TemporaryDirectory(prefix="chengyun-peer-") as folder:
        settings, described = Path(folder) / "config.yml", Path(folder) / "openapi.yml"
        settings.write_text(SETTINGS.format(port=port, database=database.rpartition(":")[2].partition("/")[0]))
        env = {"PYGEOAPI_CONFIG": str(settings), "PYGEOAPI_OPENAPI": str(described), "PATH": "/usr/bin:/bin"}
        make = [str(python.with_name("pygeoapi")), "openapi", "generate", str(settings), "--output-file", str(described)]
        subprocess.run(make, env=env, cwd=folder, check=True, capture_output=True, timeout=120)
        words = ["-w", WORKERS, "-b", f"127.0.0.1:{port}", "--log-level", "error", "pygeoapi.flask_app:APP"]
        with running([python, "-m", "gunicorn", *words], lambda: status(address) == 200, env=env, cwd=folder):
            yield address
