# SPDX-License-Identifier: Apache-2.0
"""The client `georeport` in an environment of its own: services, definition, requests and one request, in JSON and in XML."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

PYTHON = Path(__file__).resolve().parents[2] / "build/clients/georeport/bin/python"
SCRIPT = """
import json, sys
from georeport import GeoReport
root, form, number = sys.argv[1:]
city = GeoReport(root, output_format=form)
services = city.get_service_list()
asked = [one["service_code"] for one in services if str(one["metadata"]).lower() == "true"]
print(json.dumps({
    "services": services,
    "definition": city.get_service_definition(asked[0]),
    "one": city.get_service_request(number),
    "several": city.get_service_requests(service_request_id=number),
}))
"""


@pytest.mark.parametrize("form", ["json", "xml"])
def test_the_client_lists_and_reads_what_was_filed(server, form):
    if not PYTHON.exists():
        pytest.skip("make clients builds the client's environment")
    place = {"lat": "29.8711", "long": "121.5511"}
    number = server.post(service_code="component-0101", description="井盖松动", **place).json()[0]["service_request_id"]
    ran = subprocess.run([PYTHON, "-c", SCRIPT, f"{server.url}/v2", form, number], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    said = json.loads(ran.stdout)
    assert len(said["services"]) == len(server.get("/v2/services.json").json())
    assert said["definition"]["service_code"].startswith("component-")
    several = said["several"] if isinstance(said["several"], list) else [said["several"]]
    assert [one["service_request_id"] for one in several] == [number]
    assert (said["one"]["service_request_id"], said["one"]["status"]) == (number, "open")
