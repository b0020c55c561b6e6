# SPDX-License-Identifier: Apache-2.0
"""Anything the description allows, and much that it does not: no 5xx, and every answer as described.

Against a running installation, as anybody and with a key; and against the ingest of its stream process.
"""

from __future__ import annotations

import functools

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from chengyun.bench.place import Place

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
BOUNDED = settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@functools.cache
def description(url: str):
    """The description as it is served; read once for all operations."""
    return schemathesis.openapi.from_url(f"{url}/api/openapi.json")


def tried(place: Place, path: str, method: str, base_url: str, headers: dict[str, str]) -> int:
    """Call one operation with many inputs; return how many."""
    operation = description(place.url)[path][method.upper()]
    count = 0

    @BOUNDED
    @given(case=operation.as_strategy())
    def call(case) -> None:
        nonlocal count
        count += 1
        case.call_and_validate(base_url=base_url, headers=headers, checks=CHECKS, timeout=20)

    call()
    return count


PATHS = [
    "/api/v1/areas", "/api/v1/areas/{code}/boundary", "/api/v1/datasets", "/api/v1/registers/{dataset}",
    "/api/v1/registers/{dataset}/{key}", "/api/v1/streams/{dataset}/latest", "/api/v1/streams/{dataset}/observations",
    "/api/v1/figures/{indicator}", "/api/v1/figures/{indicator}/newest", "/api/v1/why/{figure}", "/api/v1/alerts",
    "/api/v1/alerts/{alert}", "/api/v1/cases", "/api/v1/cases/{number}",
    "/api/v1/grants", "/api/v1/requests", "/api/v1/requests/{number}",
]  # fmt: skip


@pytest.fixture(scope="module")
def keys(running: Place) -> dict[str, dict[str, str]]:
    """Headers of nobody, and of the holder of a key that reads."""
    return {"anybody": {}, "key": {"Authorization": f"Bearer {running.token('read')}"}}


@pytest.mark.parametrize("who", ["anybody", "key"])
@pytest.mark.parametrize("path", PATHS)
def test_reading_answers_as_described(running: Place, keys, path: str, who: str) -> None:
    assert tried(running, path, "get", running.url, keys[who]) >= 1


def test_every_described_path_is_tried(running: Place) -> None:
    described = {path for path in description(running.url).raw_schema["paths"] if path.startswith("/api/")}
    assert described == set(PATHS)


def test_sending_answers_as_described(running: Place) -> None:
    bearer = {"Authorization": f"Bearer {running.token('ingest:*')}"}
    assert tried(running, "/ingest/{stream}", "post", running.stream_url, bearer) >= 5


def test_the_stream_process_says_how_it_is(running: Place) -> None:
    assert tried(running, "/health", "get", running.stream_url, {}) >= 1
