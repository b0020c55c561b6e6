# SPDX-License-Identifier: Apache-2.0
"""The catalogue as DCAT-AP 3: what others' shapes say of it, and that three notations say the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client
from rdflib import DCAT, DCTERMS, RDF, Graph, Literal, URIRef
from rdflib.compare import isomorphic

from chengyun.access.actors import ANONYMOUS
from chengyun.access.models import Organisation
from chengyun.access.services import ensure_organisations
from chengyun.areas.services import ensure_areas
from chengyun.errors import NotFound
from chengyun.protocols.dcat.views import export
from chengyun.share.catalogue.models import Provider, Resource
from chengyun.share.catalogue.sync import ensure_catalogue, relist

pytestmark = pytest.mark.django_db
BASE = "https://city.example/"


@pytest.fixture
def catalogue(db: None) -> None:
    ensure_areas()
    ensure_organisations()
    ensure_catalogue()
    Provider.objects.filter(organisation__key="environment").update(code="91110000600037341L", contact="air@city.example")
    one = Resource.objects.create(
        key="ext.名 录", kind="external", name="名录 [旧] “一”", summary="一行\n两行", class_code="201001", sharing="conditional",
        condition="履职", ways=["file"], state="published", provider=Organisation.objects.get(key="data"),
        provider_name="大数据局",
        distributions=[{"url": "https://x.example/a b[1].csv?q={y}", "title": "表", "format": "CSV"}, {"url": "javascript:x"}],
    )  # fmt: skip
    relist([one.key])


def graph_of(form: str, page: int = 1, size: int = 1_000) -> Graph:
    body, _type = export(ANONYMOUS, form, BASE, page, size)
    return Graph().parse(data=body, format={"ttl": "turtle", "jsonld": "json-ld", "rdf": "xml"}[form])


def test_three_notations_say_the_same(catalogue: None) -> None:
    turtle = graph_of("ttl")
    assert isomorphic(turtle, graph_of("jsonld"))
    assert isomorphic(turtle, graph_of("rdf"))
    datasets = set(turtle.subjects(RDF.type, DCAT.Dataset))
    assert len(datasets) == Resource.objects.filter(state="published").count()
    hours = URIRef(f"{BASE}catalogue/r/air_quality.station_hour")
    assert Literal("站点小时值", lang="zh") in set(turtle.objects(hours, DCTERMS.title))
    assert str(next(turtle.objects(hours, DCTERMS.accessRights))).endswith("/PUBLIC")


def test_what_is_secret_or_a_draft_is_in_no_notation(catalogue: None) -> None:
    Resource.objects.filter(key="parking.lot").update(secret=True)
    Resource.objects.filter(key="parking.lot_free").update(state="draft")
    relist(["parking.lot", "parking.lot_free"])
    for form in ("ttl", "jsonld", "rdf"):
        body, _type = export(ANONYMOUS, form, BASE)
        assert b"parking.lot_peak_day" in body
        assert b"parking.lot<" not in body
        assert b"parking.lot>" not in body
        assert b"parking.lot_free" not in body


def test_a_large_catalogue_comes_in_pages_that_lead_on(catalogue: None) -> None:
    total = Resource.objects.filter(state="published").count()
    pages = [graph_of("ttl", page, 40) for page in range(1, -(-total // 40) + 1)]
    assert sum(len(set(one.subjects(RDF.type, DCAT.Dataset))) for one in pages) == total
    assert (None, URIRef("http://www.w3.org/ns/hydra/core#next"), URIRef(f"{BASE}catalog.ttl?page=2")) in pages[0]
    with pytest.raises(NotFound):
        export(ANONYMOUS, "ttl", BASE, len(pages) + 1, 40)


def test_the_addresses_answer_and_say_what_they_are(catalogue: None) -> None:
    client = Client()
    for path, kind in (("ttl", "text/turtle"), ("jsonld", "application/ld+json"), ("rdf", "application/rdf+xml")):
        answer = client.get(f"/catalog.{path}")
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith(kind)
    assert client.get("/catalog.ttl?page=99").status_code == 404
    assert client.get("/catalog.ttl?page=x").status_code == 404


@pytest.mark.shared
def test_the_shapes_of_semic_find_no_violation(catalogue: None, shared: Path) -> None:
    pyshacl = pytest.importorskip("pyshacl")
    folder = shared / "standards" / "dcat"
    counts = {}
    for name in ("dcat-ap-3.0.1/shapes.ttl", "dcat-ap-3.0.1/range.ttl", "dcat-ap-3.0.1/shapes_recommended.ttl"):
        shapes = Graph().parse(folder / name)
        _conforms, results, _text = pyshacl.validate(graph_of("ttl"), shacl_graph=shapes, do_owl_imports=False, advanced=True)
        found = [str(it) for it in results.objects(None, URIRef("http://www.w3.org/ns/shacl#resultPath"))]
        counts[name] = len(found), sorted(set(found))
    assert counts["dcat-ap-3.0.1/shapes.ttl"][0] == 0, counts
    assert counts["dcat-ap-3.0.1/range.ttl"][0] == 0, counts
    # What is only recommended is left out where it is not known: the period of data nobody dated, access to what is not shared.
    # The city's outline is known where the demonstration is built.
    left_out = {DCTERMS.temporal, DCAT.distribution, DCAT.bbox, DCAT.centroid}
    assert set(counts["dcat-ap-3.0.1/shapes_recommended.ttl"][1]) <= {str(one) for one in left_out}, counts
