# SPDX-License-Identifier: Apache-2.0
"""From records of the catalogue to a DCAT-AP 3 graph. rdflib is loaded by whoever asks for one, not at start.

Every linked node carries its type and, where DCAT-AP asks for one, its label: the SEMIC shapes find no violation. What is not
known is left out, never made up: a dataset that nobody may have has no distribution.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from rdflib import DCAT, DCTERMS, FOAF, RDF, SKOS, BNode, Graph, Literal, Namespace, URIRef

from chengyun.protocols.dcat import vocabulary as terms
from chengyun.share.catalogue.records import Record

ADMS = Namespace("http://www.w3.org/ns/adms#")
VCARD = Namespace("http://www.w3.org/2006/vcard/ns#")
HYDRA = Namespace("http://www.w3.org/ns/hydra/core#")
WKT = URIRef("http://www.opengis.net/ont/geosparql#wktLiteral")
IANA = "http://www.iana.org/assignments/media-types/"


@dataclass(frozen=True, slots=True)
class About:
    """The catalogue itself. base: address of the installation, ending in a slash. page, last: when it is cut into pages.

    bounds: of the city, west, south, east, north, WGS-84; None: not known.
    """

    base: str
    title: str
    publisher: str
    area_code: str
    area_name: str
    bounds: tuple[float, float, float, float] | None
    issued: dt.date
    modified: dt.datetime
    page: int = 1
    last: int = 1


def catalogue_graph(about: About, records: Iterable[Record]) -> Graph:
    """Return the catalogue and its datasets."""
    graph = Graph()
    for prefix, space in (("dcat", DCAT), ("dct", DCTERMS), ("foaf", FOAF), ("vcard", VCARD), ("adms", ADMS), ("hydra", HYDRA)):
        graph.bind(prefix, space)
    catalogue = URIRef(f"{about.base}catalogue")
    publisher = _agent(graph, about.base, about.publisher, "")
    language = _term(graph, f"{terms.AUTHORITY}language/ZHO", DCTERMS.LinguisticSystem)
    place = URIRef(f"{about.base}areas/{about.area_code}")
    graph.add((place, RDF.type, DCTERMS.Location))
    graph.add((place, DCTERMS.identifier, Literal(about.area_code)))
    graph.add((place, SKOS.prefLabel, Literal(about.area_name, lang="zh")))
    if about.bounds:
        west, south, east, north = about.bounds
        corners = f"{west} {south}, {east} {south}, {east} {north}, {west} {north}, {west} {south}"
        graph.add((place, DCAT.bbox, Literal(f"POLYGON(({corners}))", datatype=WKT)))
        graph.add((place, DCAT.centroid, Literal(f"POINT({(west + east) / 2} {(south + north) / 2})", datatype=WKT)))
    scheme = _term(graph, terms.THEME_SCHEME, SKOS.ConceptScheme)
    graph.add((scheme, DCTERMS.title, Literal("Data theme", lang="en")))
    licence = _term(graph, f"{about.base}catalogue/terms", DCTERMS.LicenseDocument)
    restricted = _term(graph, terms.RESTRICTED, SKOS.Concept)
    graph.add((restricted, SKOS.prefLabel, Literal("Other restrictive clauses", lang="en")))
    graph.add((licence, DCTERMS.type, restricted))
    home = _term(graph, f"{about.base}catalogue", FOAF.Document, node=URIRef(f"{about.base}catalogue?home"))
    for predicate, value in (
        (RDF.type, DCAT.Catalog), (DCTERMS.title, Literal(about.title, lang="zh")),
        (DCTERMS.description, Literal(f"{about.area_name}政务信息资源目录", lang="zh")), (DCTERMS.publisher, publisher),
        (DCTERMS.language, language), (DCTERMS.spatial, place), (DCAT.themeTaxonomy, scheme), (DCTERMS.license, licence),
        (FOAF.homepage, home), (DCTERMS.issued, Literal(about.issued)), (DCTERMS.modified, Literal(about.modified)),
    ):  # fmt: skip
        graph.add((catalogue, predicate, value))
    for record in records:
        graph.add((catalogue, DCAT.dataset, _dataset(graph, about, record, language, place, licence)))
    if about.last > 1:
        _paging(graph, about, catalogue)
    return graph


def address(base: str, key: str) -> str:
    """Return the address of a resource's page, which is also its identifier."""
    return f"{base}catalogue/r/{quote(key, safe='.-_')}"


def _dataset(graph: Graph, about: About, record: Record, language: URIRef, place: URIRef, licence: URIRef) -> URIRef:
    one = record.resource
    node = URIRef(address(about.base, one.key))

    def say(predicate: URIRef, value: Any) -> None:
        graph.add((node, predicate, value))

    say(RDF.type, DCAT.Dataset)
    say(DCTERMS.title, Literal(one.name, lang="zh"))
    if one.name_en:
        say(DCTERMS.title, Literal(one.name_en, lang="en"))
    say(DCTERMS.description, Literal(one.summary or one.name, lang="zh"))
    say(DCTERMS.identifier, Literal(one.code or one.key))
    say(DCTERMS.publisher, _agent(graph, about.base, one.provider_name or about.publisher, record.provider_code))
    say(DCAT.contactPoint, _contact(graph, about.base, record, one.provider_name or about.publisher))
    say(DCTERMS.language, language)
    say(DCTERMS.spatial, place)
    say(DCAT.landingPage, _term(graph, f"{node}", FOAF.Document, node=URIRef(f"{node}?page")))
    code, label = terms.THEMES.get(one.class_code[:3], terms.OTHERWISE)
    theme = _term(graph, f"{terms.THEME_SCHEME}/{code}", SKOS.Concept)
    graph.add((theme, SKOS.prefLabel, Literal(label, lang="en")))
    graph.add((theme, SKOS.inScheme, URIRef(terms.THEME_SCHEME)))
    say(DCAT.theme, theme)
    frequency = terms.FREQUENCIES[one.cycle]
    say(DCTERMS.accrualPeriodicity, _term(graph, f"{terms.AUTHORITY}frequency/{frequency}", DCTERMS.Frequency))
    access = terms.ACCESS["open" if one.open else one.sharing]
    say(DCTERMS.accessRights, _term(graph, f"{terms.AUTHORITY}access-right/{access}", DCTERMS.RightsStatement))
    for word in one.keywords or [one.name]:
        say(DCAT.keyword, Literal(word, lang="zh"))
    if one.published_on:
        say(DCTERMS.issued, Literal(one.published_on))
    if one.updated_at:
        say(DCTERMS.modified, Literal(one.updated_at))
        period = BNode()
        graph.add((period, RDF.type, DCTERMS.PeriodOfTime))
        graph.add((period, DCAT.endDate, Literal(one.updated_at)))
        say(DCTERMS.temporal, period)
    say(URIRef(f"{DCAT}version"), Literal(str(one.version)))
    for _code, key in record.related:
        if key:
            say(DCTERMS.relation, URIRef(address(about.base, key)))
    for number, (url, title, form) in enumerate(_ways(about.base, record), 1):
        say(DCAT.distribution, _distribution(graph, URIRef(f"{node}#way-{number}"), url, title, form, licence))
    return node


def _ways(base: str, record: Record) -> list[tuple[str, str, str]]:
    """Return how the data can be had: (address, title, format). A condition is asked for on the request page."""
    one = record.resource
    if one.distributions:
        named = [
            (str(it.get("url", "")), str(it.get("title", "") or one.name), str(it.get("format", "")).casefold())
            for it in one.distributions
        ]
        return [it for it in named if urlsplit(it[0]).scheme in ("http", "https", "ftp")]
    if one.sharing == "none":
        return []
    if one.url:
        return [(one.url, one.name, next(iter(one.formats), ""))]
    if one.open and one.kind in ("entity", "stream", "indicator"):
        return [(f"{base}api/v1/", f"{one.name} API", "json")]
    return [(f"{base}requests/new?dataset={quote(one.key)}", one.name, "csv" if "file" in one.ways else "json")]


def _distribution(graph: Graph, node: URIRef, url: str, title: str, form: str, licence: URIRef) -> URIRef:
    graph.add((node, RDF.type, DCAT.Distribution))
    # Addresses of others may hold blanks and brackets, which no serialisation of RDF takes.
    graph.add((node, DCAT.accessURL, URIRef(quote(url, safe=":/?#[]@!$&'()*+,;=%~-._").replace("[", "%5B").replace("]", "%5D"))))
    graph.add((node, DCTERMS.title, Literal(title, lang="zh")))
    graph.add((node, DCTERMS.description, Literal(title, lang="zh")))
    graph.add((node, DCTERMS.license, licence))
    kind, media = terms.MEDIA.get(form, ("", ""))
    if kind:
        graph.add((node, DCTERMS["format"], _term(graph, f"{terms.AUTHORITY}file-type/{kind}", DCTERMS.MediaTypeOrExtent)))
        graph.add((node, DCAT.mediaType, _term(graph, IANA + media, DCTERMS.MediaType)))
    available = _term(graph, f"{terms.AUTHORITY}planned-availability/AVAILABLE", SKOS.Concept)
    graph.add((available, SKOS.prefLabel, Literal("available", lang="en")))
    graph.add((node, URIRef("http://data.europa.eu/r5r/availability"), available))
    return node


def _agent(graph: Graph, base: str, name: str, code: str) -> URIRef:
    node = URIRef(f"{base}organisations/{quote(code or name)}")
    kind = _term(graph, terms.LOCAL_AUTHORITY, SKOS.Concept)
    graph.add((kind, SKOS.prefLabel, Literal("Local Authority", lang="en")))
    graph.add((node, RDF.type, FOAF.Agent))
    graph.add((node, FOAF.name, Literal(name, lang="zh")))
    graph.add((node, DCTERMS.type, kind))
    if code:
        graph.add((node, DCTERMS.identifier, Literal(code)))
    return node


def _contact(graph: Graph, base: str, record: Record, name: str) -> BNode:
    node = BNode()
    graph.add((node, RDF.type, VCARD.Kind))
    graph.add((node, RDF.type, VCARD.Organization))
    graph.add((node, VCARD.fn, Literal(name, lang="zh")))
    if "@" in record.contact and " " not in record.contact:
        graph.add((node, VCARD.hasEmail, URIRef(f"mailto:{quote(record.contact, safe='@.+-_')}")))
    elif record.contact:
        graph.add((node, VCARD.note, Literal(record.contact, lang="zh")))
    graph.add((node, VCARD.hasURL, URIRef(address(base, record.resource.key))))
    return node


def _term(graph: Graph, iri: str, kind: URIRef, node: URIRef | None = None) -> URIRef:
    term = node or URIRef(iri)
    graph.add((term, RDF.type, kind))
    return term


def _paging(graph: Graph, about: About, catalogue: URIRef) -> None:
    view = URIRef(f"{about.base}catalog.ttl?page={about.page}")
    graph.add((view, RDF.type, HYDRA.PartialCollectionView))
    graph.add((catalogue, HYDRA.view, view))
    for predicate, page in (("first", 1), ("previous", about.page - 1), ("next", about.page + 1), ("last", about.last)):
        if 1 <= page <= about.last:
            graph.add((view, HYDRA[predicate], URIRef(f"{about.base}catalog.ttl?page={page}")))


def serialize(graph: Graph, form: str) -> bytes:
    """Return a graph as turtle, json-ld or xml."""
    short = ("dcat", "dct", "foaf", "vcard", "adms", "skos", "hydra")
    context = {space: str(iri) for space, iri in graph.namespaces() if space in short}
    more: dict[str, Any] = {"context": context} if form == "json-ld" else {}
    made: bytes = graph.serialize(format=form, encoding="utf-8", **more)
    return made
