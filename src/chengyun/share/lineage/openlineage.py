# SPDX-License-Identifier: Apache-2.0
"""A run of ours as OpenLineage writes it (openlineage.io, spec 2-0-2): what ran, on what, with the columns' lineage. Pure.

A job is an indicator, a feed, a stream's sealing, or a way in which rows go to others or come from them; a dataset is a place of
the graph, or what somebody else holds. Events are whole: one that ended carries all that is known, so whoever missed the start
loses nothing.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from chengyun import __version__
from chengyun.share.lineage.shapes import EVERY, Column, Edge, Graph, Item, Place

__all__ = ["PRODUCER", "Carried", "carried_event", "column_lineage", "run_event"]

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
    run = _run(nominal, error, "SQL")
    facets: dict[str, Any] = {"jobType": _job_type(kind)}
    if sql:
        facets["sql"] = _facet("SQLJobFacet", "1-1-0", query=sql, dialect="duckdb")
    place = graph.places.get(output)
    written: dict[str, Any] = {"namespace": namespace, "name": output, "facets": {} if place is None else _schema(place)}
    if place is not None and kind != "seal":
        written["facets"]["columnLineage"] = column_lineage(graph, namespace, place, frozenset(inputs))
    if rows is not None and not error:
        written["outputFacets"] = {"outputStatistics": _facet("OutputStatisticsOutputDatasetFacet", "1-0-2", rowCount=rows)}
    read = [
        {"namespace": namespace, "name": one, "facets": _schema(graph.places[one]) if one in graph.places else {}}
        for one in sorted(set(inputs))
    ]
    return _ended(
        namespace, f"{kind}.{job}", facets, f"{namespace} {kind} {job} {began.isoformat()} {nominal}", run, ended, read, written
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """A column that was carried from a dataset into another. source: the column there. type: as it went over, "": not known.

    masked: whether nobody there sees its values in full; None: not known here.
    """

    name: str
    source: str
    type: str = ""
    masked: bool | None = None


def carried_event(
    namespace: str,
    job: str,
    kind: Literal["exchange", "file", "push", "mirror", "form"],
    *,
    source: tuple[str, str],
    output: str,
    columns: Iterable[Carried],
    known_by: str,
    ended: dt.datetime,
    nominal: tuple[dt.datetime, dt.datetime] | None = None,
    rows: int | None = None,
    size: int | None = None,
    tags: Mapping[str, str] | None = None,
    also_known: tuple[str, str] | None = None,
    error: str = "",
) -> dict[str, Any]:
    """Return the event of rows that went from one dataset into another, column by column, and of nothing else of either.

    source, also_known: namespace and name of the dataset they came from, and those that others know it by. known_by: what tells
    this run from the job's others. rows, size: None where they are not told. tags: of the run. error: the kind of fault.
    """
    run = _run(nominal, error, "Python")
    if tags:
        told = [{"key": key, "value": value, "source": "CHENGYUN"} for key, value in tags.items()]
        run["tags"] = _facet("TagsRunFacet", "1-0-0", tags=told)
    read: dict[str, Any] = {"namespace": source[0], "name": source[1], "facets": {}}
    if also_known is not None:
        link = {"namespace": also_known[0], "name": also_known[1], "type": "TABLE"}
        read["facets"]["symlinks"] = _facet("SymlinksDatasetFacet", "1-0-1", identifiers=[link])
    written: dict[str, Any] = {"namespace": namespace, "name": output, "facets": {}}
    if found := list(columns):
        fields = [{"name": one.name, **({"type": one.type} if one.type else {})} for one in found]
        written["facets"]["schema"] = _facet("SchemaDatasetFacet", "1-2-0", fields=fields)
        written["facets"]["columnLineage"] = _facet(
            "ColumnLineageDatasetFacet", "1-2-0", fields={one.name: {"inputFields": [_carried(source, one)]} for one in found}
        )
    counted = {name: value for name, value in (("rowCount", rows), ("size", size)) if value is not None}
    if counted and not error:
        written["outputFacets"] = {"outputStatistics": _facet("OutputStatisticsOutputDatasetFacet", "1-0-2", **counted)}
    facets = {"jobType": _job_type(kind)}
    return _ended(namespace, f"{kind}.{job}", facets, f"{namespace} {kind} {job} {known_by}", run, ended, [read], written)


def _carried(source: tuple[str, str], one: Carried) -> dict[str, Any]:
    how: dict[str, Any] = {"type": "DIRECT", "subtype": "TRANSFORMATION" if one.masked else "IDENTITY"}
    if one.masked is not None:
        how["masking"] = one.masked
    return {"namespace": source[0], "name": source[1], "field": one.source, "transformations": [how]}


def _run(nominal: tuple[dt.datetime, dt.datetime] | None, error: str, language: str) -> dict[str, Any]:
    run: dict[str, Any] = {"processing_engine": _facet("ProcessingEngineRunFacet", "1-1-1", version=__version__, name="chengyun")}
    if nominal is not None:
        since, until = nominal
        run["nominalTime"] = _facet(
            "NominalTimeRunFacet", "1-0-1", nominalStartTime=since.isoformat(), nominalEndTime=until.isoformat()
        )
    if error:
        run["errorMessage"] = _facet("ErrorMessageRunFacet", "1-0-1", message=error[:2000], programmingLanguage=language)
    return run


def _job_type(kind: str) -> dict[str, Any]:
    return _facet("JobTypeJobFacet", "2-0-4", processingType="BATCH", integration="CHENGYUN", jobType=kind.upper())


def _ended(
    namespace: str, job: str, job_facets: dict[str, Any], known_by: str, run: dict[str, Any], ended: dt.datetime,
    inputs: list[dict[str, Any]], output: dict[str, Any],
) -> dict[str, Any]:  # fmt: skip
    return {
        "eventType": "FAIL" if "errorMessage" in run else "COMPLETE",
        "eventTime": ended.isoformat(),
        "producer": PRODUCER,
        "schemaURL": SPEC,
        "run": {"runId": str(uuid.uuid5(_RUN, known_by)), "facets": run},
        "job": {"namespace": namespace, "name": job, "facets": job_facets},
        "inputs": inputs,
        "outputs": [output],
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
