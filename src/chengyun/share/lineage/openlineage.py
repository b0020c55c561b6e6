# SPDX-License-Identifier: Apache-2.0
"""A run of ours as OpenLineage writes it (openlineage.io, spec 2-0-2): what ran, on what, with the columns' lineage. Pure.

A job is an indicator, a feed, or a stream's sealing; a dataset is a place of the graph. Events are whole: one that ended carries
all that is known, so whoever missed the start loses nothing.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from chengyun import __version__
from chengyun.share.lineage.shapes import EVERY, Column, Edge, Graph, Item, Place

__all__ = ["PRODUCER", "column_lineage", "run_event"]

PRODUCER = f"https://chengyun.invalid/{__version__}"
"""A URI that names the program and its version; nothing is found there."""
SPEC = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
FACETS = "https://openlineage.io/spec/facets"
_RUN = uuid.UUID("5f0c8d5e-0f4c-5f1e-9d7a-6c2b1a7e4d10")
"""Runs are named by what they did and when: the same run told twice is one run."""

_TYPES: Mapping[str, str] = {
    "C": "string", "N": "double", "D": "date", "T": "timestamp", "L": "boolean", "B": "binary", "I": "int", "F": "double",
    "Y": "decimal",
}  # fmt: skip


def run_event(
    graph: Graph,
    namespace: str,
    job: str,
    kind: Literal["indicator", "feed", "seal"],
    *,
    inputs: Iterable[str],
    output: str,
    began: dt.datetime,
    ended: dt.datetime,
    nominal: tuple[dt.datetime, dt.datetime] | None = None,
    rows: int | None = None,
    sql: str = "",
    error: str = "",
) -> dict[str, Any]:
    """Return the event of a run that ended. error: why it failed, "" when it went well. rows: written."""
    run: dict[str, Any] = {"processing_engine": _facet("ProcessingEngineRunFacet", "1-1-1", version=__version__, name="chengyun")}
    if nominal is not None:
        since, until = nominal
        run["nominalTime"] = _facet(
            "NominalTimeRunFacet", "1-0-1", nominalStartTime=since.isoformat(), nominalEndTime=until.isoformat()
        )
    if error:
        run["errorMessage"] = _facet("ErrorMessageRunFacet", "1-0-1", message=error[:2000], programmingLanguage="SQL")
    facets: dict[str, Any] = {
        "jobType": _facet("JobTypeJobFacet", "2-0-4", processingType="BATCH", integration="CHENGYUN", jobType=kind.upper())
    }
    if sql:
        facets["sql"] = _facet("SQLJobFacet", "1-1-0", query=sql, dialect="duckdb")
    place = graph.places.get(output)
    written: dict[str, Any] = {"namespace": namespace, "name": output, "facets": {} if place is None else _schema(place)}
    if place is not None and kind != "seal":
        written["facets"]["columnLineage"] = column_lineage(graph, namespace, place, frozenset(inputs))
    if rows is not None and not error:
        written["outputFacets"] = {"outputStatistics": _facet("OutputStatisticsOutputDatasetFacet", "1-0-2", rowCount=rows)}
    return {
        "eventType": "FAIL" if error else "COMPLETE",
        "eventTime": ended.isoformat(),
        "producer": PRODUCER,
        "schemaURL": SPEC,
        "run": {"runId": str(uuid.uuid5(_RUN, f"{namespace} {kind} {job} {began.isoformat()} {nominal}")), "facets": run},
        "job": {"namespace": namespace, "name": f"{kind}.{job}", "facets": facets},
        "inputs": [
            {"namespace": namespace, "name": one, "facets": _schema(graph.places[one]) if one in graph.places else {}}
            for one in sorted(set(inputs))
        ],
        "outputs": [written],
    }


def column_lineage(graph: Graph, namespace: str, place: Place, inputs: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return the facet of a place: each column's own sources, and what decides about all of its rows.

    inputs: places that count as sources; empty: all that lead there.
    """

    def counts(edge: Edge) -> bool:
        return edge.source.place != place.key and (not inputs or edge.source.place in inputs)

    fields = {}
    for item in place.columns:
        edges = [one for one in graph.into(Column(place.key, item.key)) if one.target.key == item.key and counts(one)]
        if edges:
            fields[item.key] = {"inputFields": _fields(graph, namespace, edges)}
    whole = [one for one in graph.into(Column(place.key, EVERY)) if one.target.key == EVERY and counts(one)]
    return _facet("ColumnLineageDatasetFacet", "1-2-0", fields=fields, dataset=_fields(graph, namespace, whole))


def _fields(graph: Graph, namespace: str, edges: Sequence[Edge]) -> list[dict[str, Any]]:
    found: dict[Column, list[dict[str, Any]]] = {}
    for edge in edges:
        told = {
            "type": "DIRECT" if edge.direct else "INDIRECT",
            "subtype": edge.how.upper(),
            "description": edge.said,
            "masking": False,
        }
        for column in _columns(graph, edge.source):
            found.setdefault(column, []).append(told)
    return [
        {"namespace": namespace, "name": column.place, "field": column.key, "transformations": told}
        for column, told in found.items()
    ]


def _columns(graph: Graph, column: Column) -> list[Column]:
    """Return the columns an end stands for: OpenLineage has no word for all of them."""
    if column.key != EVERY:
        return [column]
    return [Column(column.place, item.key) for item in graph.places[column.place].columns]


def _schema(place: Place) -> dict[str, Any]:
    return {"schema": _facet("SchemaDatasetFacet", "1-2-0", fields=[_field(item) for item in place.columns])}


def _field(item: Item) -> dict[str, Any]:
    said = {"name": item.key, "description": f"{item.name} [{item.unit}]" if item.unit and item.unit != "1" else item.name}
    return {**said, "type": _TYPES[item.type]} if item.type in _TYPES else said


def _facet(name: str, edition: str, /, **said: object) -> dict[str, Any]:
    return {"_producer": PRODUCER, "_schemaURL": f"{FACETS}/{edition}/{name}.json#/$defs/{name}", **said}
