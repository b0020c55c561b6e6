# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - scraps stand as they are sent
"""Nothing that is sent makes the process answer 5xx, run long, or reach for what it may not."""

from __future__ import annotations

import random
from urllib.parse import quote

import pytest
from broker import Broker

SCRAPS = [
    "", "null", "[]", "{}", "0", "true", '"x"', "{", '{"id":1}', '{"id":"urn:a:b","type":[]}', '{"id":"urn:a:b","type":"T","a":null}',
    '{"id":"urn:a:b","type":"T","a":{"type":"GeoProperty","value":{"type":"Polygon","coordinates":[[[0,0],[1,1]]]}}}',
    '{"id":"urn:a:b","type":"T","a":{"type":"Relationship","object":7}}', '{"id":"urn:a:b","type":"T","a":{"value":"\\u0000"}}',
    '{"id":"urn:a:b","type":"T","a":{"value":1,"observedAt":"yesterday"}}', '{"id":"urn:a:b","type":"T","@context":{"a":{}}}',
    '[{"id":"urn:a:b","type":"T"},7]', '{"type":"Query","entities":[{}]}', '{"type":"Query","q":"a==("}', '{"type":"Query","geoQ":7}',
    '{"type":"Subscription","entities":[{"type":"T"}],"notification":{"endpoint":{"uri":7}}}', '{"type":"Subscription","q":7}',
    '{"id":"urn:a:b","type":"T","a":{"type":"LanguageProperty","languageMap":7}}', '{"@context":{"x":"@id"}}', "1e999", "\ud800",
    '{"id":"urn:a:b","type":"T","scope":{"value":{"value":7}}}', '{"id":"urn:a:b","type":"T","expiresAt":7,"a":1}',
]  # fmt: skip
PATHS = [
    "/entities", "/entities/urn:a:b", "/entities/urn:a:b/attrs", "/entities/urn:a:b/attrs/a", "/entityOperations/create",
    "/entityOperations/upsert", "/entityOperations/delete", "/entityOperations/query", "/entityOperations/merge",
    "/temporal/entities", "/temporal/entities/urn:a:b/attrs", "/temporal/entities/urn:a:b/attrs/a/urn:x:y", "/subscriptions",
    "/subscriptions/urn:a:b", "/temporal/entityOperations/query", "/jsonldContexts", "/csourceRegistrations", "/types/x%00",
]  # fmt: skip
QUERIES = [
    "q=" + "(" * 50, "q=a==" + "1," * 500, 'q="', "q=a.b.c[d.e]~=(((", "q=a!~=[", "q=a==1..", "q=a>1,2", "q=;|", "type=((a)", "type=a;|b",
    "scopeQ=/#/x", "georel=near&geometry=Point&coordinates=[1]", "georel=within&geometry=Polygon&coordinates=[[[0,0],[1,1],[0,0]]]",
    "georel=near;maxDistance==-1&geometry=Point&coordinates=[0,0]", "limit=-1&type=a", "limit=99999&type=a", "offset=x&type=a",
    "pick=a{{b}&type=a", "omit=" + "a{" * 40 + "&type=a", "options=x&type=a", "idPattern=(((&type=a", "lang=%ff&type=a", "attrs=%00",
    "orderBy=a;b;c&type=a", "timerel=between&timeAt=x&type=a", "lastN=0&type=a", "aggrPeriodDuration=P1Y&type=a", "join=sideways&type=a",
    "geometry=Point&type=a", "q=" + "a==1;" * 900 + "a==1", "idPattern=" + "(a*)*" * 60 + "&type=a", "datasetId=,&type=a",
    "georel=near;maxDistance==1e400&geometry=Point&coordinates=[0,0]", "format=geojson&type=a", "q=a==2026-13-45T00:00:00Z",
]  # fmt: skip


def test_scraps_are_refused_with_a_sentence(broker: Broker) -> None:
    chance = random.Random(20261122)
    for path in PATHS:
        for method in ("POST", "PATCH", "PUT", "DELETE", "GET"):
            for scrap in chance.sample(SCRAPS, 4):
                kind = chance.choice(["application/json", "application/ld+json", "application/merge-patch+json", "text/plain"])
                answer = broker.call(method, path, scrap.encode("utf-8", "surrogatepass"), content_type=kind)
                assert answer.status_code < 500, (method, path, scrap, kind, answer.text)
                if answer.status_code >= 400:
                    assert answer.json()["title"], (method, path)


@pytest.mark.parametrize("path", ["/entities", "/temporal/entities"])
def test_queries_that_make_no_sense_are_refused(broker: Broker, path: str) -> None:
    for query in QUERIES:
        answer = broker.call("GET", f"{path}?{quote(query, safe='=&%;,|().[]{}')}")
        assert answer.status_code < 500, (query, answer.text)


def test_depth_is_bounded(broker: Broker) -> None:
    for depth in (20, 200, 5000):
        deep = b'{"id":"urn:a:deep","type":"T","a":' + b'{"value":1,"b":' * depth + b"1" + b"}" * depth + b"}"
        assert broker.call("POST", "/entities", deep).status_code == 400
    listed = b'{"id":"urn:a:deep2","type":"T","a":{"type":"JsonProperty","json":' + b"[" * 5000 + b"]" * 5000 + b"}}"
    assert broker.call("POST", "/entities", listed).status_code == 400


def test_a_value_cannot_become_a_part_of_a_question(broker: Broker) -> None:
    name = broker.make("Safe", note="plain")
    for value in ("x' OR 1=1 --", '\\" || 1==1', '\\"; DROP TABLE ngsild_entity; --', "\\\\", "$.a", "%s", "%(p0)s", "*/"):
        assert broker.get("/entities", type="Safe", q=f'note=="{value}"') == [], value
        assert broker.call("GET", f"/entities?type=Safe&q={quote(f'note[{value}]==1')}").status_code in (200, 400), value
    assert broker.get(f"/entities/{name}")["note"]["value"] == "plain"
