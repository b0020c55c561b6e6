# SPDX-License-Identifier: Apache-2.0
"""DCAT in RDF, of any profile: what a dataset says of itself, read leniently, in the language of its catalogue."""

from __future__ import annotations

import re
from collections.abc import Iterable

from django.utils.translation import gettext as _
from rdflib import DCAT, DCTERMS, FOAF, RDF, RDFS, SKOS, Graph, Literal, Namespace, URIRef
from rdflib.term import Node

from chengyun.errors import Malformed, Refused
from chengyun.share.catalogue.harvest.foreign import Distribution, Foreign

VCARD = Namespace("http://www.w3.org/2006/vcard/ns#")
ADMS = Namespace("http://www.w3.org/ns/adms#")
HYDRA = Namespace("http://www.w3.org/ns/hydra/core#")
_DECLARES = re.compile(rb"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)


def parse(data: bytes, form: str, name: str) -> Graph:
    """Return the graph of a document. Raises Malformed for one that cannot be read, Refused for one with a DTD."""
    if form == "xml" and _DECLARES.search(data):
        raise Refused(_("%s：文件里声明了实体或文档类型（DTD），请去掉后再试。") % (name or "—"), code="dtd")
    try:
        # Relative names stay what they are: a catalogue of ours has no business with where the file lay.
        return Graph().parse(data=data, format=form, publicID="urn:relative:")
    except Exception as wrong:  # rdflib's parsers raise whatever their parts raise
        said = " ".join(str(wrong).split())[:300]
        words = {"name": name or "—", "form": form, "why": said}
        raise Malformed(
            _("%(name)s：不是可读的 RDF（%(form)s）：%(why)s。请用 RDF 校验工具检查。") % words, code="rdf"
        ) from wrong


def datasets(graph: Graph) -> list[Foreign]:
    """Return every dcat:Dataset, by identifier. Raises Refused when there is none."""
    found = sorted(set(graph.subjects(RDF.type, DCAT.Dataset)), key=str)
    if not found:
        raise Refused(_("文件里没有数据集（dcat:Dataset）。请核对它是否是 DCAT 目录。"), code="no_datasets")
    return [_dataset(graph, one) for one in found]


def next_page(graph: Graph) -> str | None:
    """Return the address of the page after this one. Hydra, also by the names it had when portals took it up."""
    for predicate in (HYDRA.next, HYDRA.nextPage):
        for found in graph.objects(None, predicate):
            return str(found).removeprefix("urn:relative:")
    return None


def _dataset(graph: Graph, node: Node) -> Foreign:
    licence = _first(graph, node, DCTERMS.license)
    return Foreign(
        identifier=_first(graph, node, DCTERMS.identifier) or str(node),
        title=_text(graph, node, DCTERMS.title),
        title_en=_text(graph, node, DCTERMS.title, "en", only=True),
        description=_text(graph, node, DCTERMS.description),
        publisher=_named(graph, graph.objects(node, DCTERMS.publisher)),
        contact=_contact(graph, node),
        licence=licence,
        frequency=_first(graph, node, DCTERMS.accrualPeriodicity),
        modified=_first(graph, node, DCTERMS.modified),
        issued=_first(graph, node, DCTERMS.issued),
        landing=_first(graph, node, DCAT.landingPage),
        access=_first(graph, node, DCTERMS.accessRights).rpartition("/")[2].casefold() or "public",
        keywords=tuple(sorted({str(it).strip() for it in graph.objects(node, DCAT.keyword) if str(it).strip()})),
        distributions=tuple(
            Distribution(
                _first(graph, it, DCAT.downloadURL) or _first(graph, it, DCAT.accessURL),
                _text(graph, it, DCTERMS.title),
                (_first(graph, it, DCTERMS["format"]) or _first(graph, it, DCAT.mediaType)).rpartition("/")[2],
                _first(graph, it, DCTERMS.license) or licence,
            )
            for it in sorted(set(graph.objects(node, DCAT.distribution)), key=str)
        ),
    )


def _first(graph: Graph, node: Node, predicate: URIRef) -> str:
    """Return the least value that says something: an empty node or text says nothing."""
    values = sorted(
        str(it).strip() for it in graph.objects(node, predicate) if isinstance(it, Literal | URIRef) and str(it).strip()
    )
    labels = sorted(
        str(label)
        for it in graph.objects(node, predicate)
        if not isinstance(it, Literal | URIRef)
        for label in (*graph.objects(it, RDFS.label), *graph.objects(it, SKOS.prefLabel), *graph.objects(it, RDF.value))
    )
    return next(iter([*values, *labels]), "")


def _text(graph: Graph, node: Node, predicate: URIRef, language: str = "zh", only: bool = False) -> str:
    """Return a text in a language, else in none, else in any; only: in that language or not at all."""
    texts = sorted(((it.language or "").casefold(), str(it)) for it in graph.objects(node, predicate) if isinstance(it, Literal))
    preferred = [text for said, text in texts if said.startswith(language)]
    rest = [] if only else [text for said, text in texts if not said] + [text for _said, text in texts]
    return " ".join(next(iter([*preferred, *rest]), "").split())


def _named(graph: Graph, nodes: Iterable[Node]) -> str:
    found = sorted({str(name) for node in nodes for name in (*graph.objects(node, FOAF.name), *graph.objects(node, VCARD.fn))})
    return next(iter(found), "")


def _contact(graph: Graph, node: Node) -> str:
    parts: list[str] = []
    for point in sorted([*graph.objects(node, DCAT.contactPoint), *graph.objects(node, ADMS.contactPoint)], key=str):
        for predicate in (VCARD.fn, VCARD.hasEmail, VCARD.hasTelephone, VCARD.note):
            parts += [str(it).removeprefix("mailto:").removeprefix("tel:") for it in graph.objects(point, predicate)]
        if isinstance(point, URIRef) and not parts:
            parts.append(str(point))
    return " ".join(dict.fromkeys(parts))
