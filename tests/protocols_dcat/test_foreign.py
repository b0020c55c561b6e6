# SPDX-License-Identifier: Apache-2.0
"""A reader written by others reads our catalogue: the parser CKAN portals harvest DCAT-AP with."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from chengyun.access.actors import ANONYMOUS
from chengyun.access.services import ensure_organisations
from chengyun.protocols.dcat.views import export
from chengyun.share.catalogue.models import Resource
from chengyun.share.catalogue.sync import ensure_catalogue

PYTHON = Path(__file__).resolve().parents[2] / "build" / "clients" / "ckan" / "bin" / "python"
READ = """
import json, sys
from ckanext.dcat.processors import RDFParser
parser = RDFParser(profiles=["euro_dcat_ap_3"])
parser.parse(open(sys.argv[1], "rb").read(), _format=sys.argv[2])
said = lambda one, key: next((it["value"] for it in one["extras"] if it["key"] == key), "")
keys = ("identifier", "frequency", "publisher_name", "access_rights", "contact_name")
print(json.dumps([[one["title"], len(one["resources"]), *(said(one, key) for key in keys)] for one in parser.datasets()]))
"""


@pytest.mark.django_db
@pytest.mark.parametrize(("form", "name"), [("ttl", "turtle"), ("jsonld", "json-ld"), ("rdf", "xml")])
def test_ckans_harvester_reads_every_dataset(tmp_path: Path, form: str, name: str) -> None:
    if not PYTHON.exists():
        pytest.skip("the foreign client is not in build/clients/ckan; make clients")
    ensure_organisations()
    ensure_catalogue()
    path = tmp_path / f"catalog.{form}"
    path.write_bytes(export(ANONYMOUS, form, "https://city.example/")[0])
    done = subprocess.run([str(PYTHON), "-c", READ, str(path), name], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2_000:]
    found = {one[2]: one for one in json.loads(done.stdout.splitlines()[-1])}
    ours = {one.code or one.key: one for one in Resource.objects.filter(state="published")}
    assert set(found) == set(ours)
    hours = next(one for one in ours.values() if one.key == "air_quality.station_hour")
    title, ways, _identifier, frequency, publisher, access, contact = found[hours.code]
    assert title in (hours.name, hours.name_en)
    assert ways == 1
    assert frequency.endswith("/DAILY")
    assert (publisher, contact) == ("生态环境局", "生态环境局")
    assert access.endswith("/PUBLIC")
