# SPDX-License-Identifier: Apache-2.0
"""Clients that others wrote, and entities that others published."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from broker import Broker, Listener

HERE = Path(__file__).parent
CLIENTS = HERE.parents[1] / "build" / "clients"


def run(client: str, script: str, *arguments: str) -> list[str]:
    python = CLIENTS / client / "bin" / "python"
    if not python.exists():
        pytest.skip(f"{client} is not installed; make clients")
    done = subprocess.run([str(python), str(HERE / script), *arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def test_ngsildclient_finds_what_it_expects(broker: Broker) -> None:
    assert len(run("ngsild", "ngsild_steps.py", str(broker.port), broker.token)) >= 15


def test_filip_finds_what_it_expects(broker: Broker, listener: Listener) -> None:
    assert len(run("filip", "filip_steps.py", str(broker.port), broker.token, listener.url)) >= 15


FAULTY = {
    "FloodMonitoring", "NightSkyQuality", "PhreaticObserved", "WaterObserved", "CityWork", "RestrictionException",
    "SpecialRestriction", "TransportStation", "WeatherForecast",
}  # fmt: skip
"""Published examples that are no NGSI-LD: ids that are no URI, "type": "string", an instant with two T, a date as object."""


@pytest.mark.shared
def test_published_models_are_kept_and_given_back(broker: Broker, shared: Path) -> None:
    folder = shared / "data" / "ngsi-ld"
    kept = 0
    for file in sorted(folder.rglob("example-normalized.jsonld")):
        document = json.loads(file.read_text())
        context = json.loads((file.parents[1] / "context.jsonld").read_text())["@context"]
        document["@context"] = context
        tenant = f"models-{file.parents[1].name}-{file.parent.name}"[:64]
        made = broker.call("POST", "/entities", document, content_type="application/ld+json", ngsild_tenant=tenant)
        if file.parent.name in FAULTY:
            assert made.status_code == 400
            continue
        assert made.status_code == 201, (file, made.text)
        body = {"type": "Query", "entities": [{"type": document["type"]}], "@context": context}
        got = broker.call(
            "POST", "/entityOperations/query", body, content_type="application/ld+json", accept="application/ld+json",
            ngsild_tenant=tenant,
        )  # fmt: skip
        assert got.status_code == 200, got.text
        (shown,) = got.json()
        assert set(shown) == set(document), file
        kept += 1
    assert kept == 62
