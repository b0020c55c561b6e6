# SPDX-License-Identifier: Apache-2.0
"""The table of routes: each address once, with what it does, what may be asked, and the shape of its answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chengyun.access.actors import Actor
from chengyun.city.alerts import SEVERITIES
from chengyun.operate.models import Alert
from chengyun.standards.divisions import LEVELS
from chengyun.web.api import catalogue, operations, readings, sharing
from chengyun.web.api import schemas as is_
from chengyun.web.api.asked import Param

Answer = Callable[[Actor, dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class Route:
    """One address under /api/v1.

    path: with `{name}` where a path parameter stands. says: one line. answer: reads, within what the actor may see.
    cached: an ETag is cheap and worth it, because the answer changes seldom.
    """

    path: str
    name: str
    says: str
    answer: Answer
    params: tuple[Param, ...]
    schema: is_.Schema
    cached: bool = False


LIMIT = Param("limit", "How many at most.", "integer", within=(1, 1000), default=100)
CURSOR = Param("cursor", "The `next` of the page before; without it, the first page.")
PAGING = (LIMIT, CURSOR)
PURPOSE = Param("purpose", "Why; needed for data about persons, and recorded.", example="duty")
AREA = Param("area", "Digits that area codes start with.", example="330203")
SINCE = Param("since", "From this instant on.", "instant", example="2026-04-01T00:00:00+08:00")
UNTIL = Param("until", "Before this instant.", "instant", example="2026-04-02T00:00:00+08:00")
DAY = Param("day", "As the tree stood on this local day; today without it.", "day", example="2026-04-01")


def _path(name: str, says: str, example: Any, kind: Any = "text") -> Param:
    return Param(name, says, kind, place="path", required=True, example=example)


STREAM = _path("dataset", "Key of a stream.", "air_quality.station_hour")
REGISTER = _path("dataset", "Key of a register.", "air_quality.station")
INDICATOR = _path("indicator", "Key of an indicator.", "air_quality.area_day_aqi")

ROUTES: tuple[Route, ...] = (
    Route(
        "/areas", "areas", "Areas of the city, by code.", catalogue.area_list,
        (Param("level", "Only this level.", among=LEVELS), Param("parent", "Only areas directly inside this one."), DAY, *PAGING),
        is_.paged("areas", is_.AREA), cached=True,
    ),
    Route(
        "/areas/{code}/boundary", "boundary", "An area's outline as a GeoJSON feature in WGS-84.", catalogue.boundary,
        (_path("code", "Code of an area.", "330203"), DAY), is_.FEATURE, cached=True,
    ),
    Route(
        "/datasets", "datasets", "What you may read: fields, units, ranges, sharing, and why you may.", catalogue.dataset_list,
        (PURPOSE,), is_.paged("datasets", is_.DATASET), cached=True,
    ),
    Route(
        "/registers/{dataset}", "entities", "Things in a register, by key.", readings.entity_list,
        (REGISTER, AREA, PURPOSE, *PAGING), is_.paged("entities", is_.ENTITY),
    ),
    Route(
        "/registers/{dataset}/{key}", "entity", "One thing of a register.", readings.entity,
        (REGISTER, _path("key", "Key of the thing.", "330203-01"), PURPOSE), is_.ENTITY,
    ),
    Route(
        "/streams/{dataset}/latest", "latest", "Newest observation of each thing, by key.", readings.latest,
        (STREAM, Param("entity", "Only this thing."), AREA, PURPOSE, *PAGING),
        is_.record(dataset=is_.TEXT, observations=is_.listed(is_.OBSERVATION), next=is_.maybe(is_.TEXT)),
    ),
    Route(
        "/streams/{dataset}/observations", "observations",
        "Observations of a stretch of time, oldest first. A value out of its range is null, with the flag `range`.",
        readings.observations,
        (
            STREAM, Param("entity", "Only this thing; a stretch without it is at most 31 days."), SINCE, UNTIL,
            Param("fields", "Only these fields, comma between.", example="pm25,o3"),
            Param("every", "Means of hours, local days or months instead of single observations.", among=tuple(readings.STEPS)),
            PURPOSE, *PAGING,
        ),
        is_.record(dataset=is_.TEXT, observations=is_.listed(is_.OBSERVATION), next=is_.maybe(is_.TEXT)),
    ),
    Route(
        "/figures/{indicator}", "figures", "Figures of an indicator, oldest period first.", operations.figure_list,
        (INDICATOR, Param("subject", "Only of this area or thing.", example="330200"), SINCE, UNTIL, *PAGING),
        is_.paged("figures", is_.FIGURE),
    ),
    Route(
        "/figures/{indicator}/newest", "figures-newest", "Newest figure of each subject.", operations.figures_newest,
        (INDICATOR, Param("subject", "Only of this area or thing.", example="330200"), *PAGING), is_.paged("figures", is_.FIGURE),
    ),
    Route(
        "/why/{figure}", "why", "What a figure was made from, and the same computed again now.", operations.why,
        (_path("figure", "Number of a figure.", 1, "integer"),), is_.WHY,
    ),
    Route(
        "/alerts", "alerts", "Alerts, newest first.", operations.alert_list,
        (
            Param("state", "In this state.", among=("not_closed", *Alert.State.values, "all"), default="not_closed"),
            Param("severity", "Of this severity.", among=SEVERITIES), Param("rule", "Of this rule."), AREA, *PAGING,
        ),
        is_.paged("alerts", is_.ALERT),
    ),
    Route(
        "/alerts/{alert}", "alert", "One alert with its evidence and history.", operations.alert,
        (_path("alert", "Number of an alert.", 1, "integer"),), is_.ALERT,
    ),
    Route(
        "/cases", "cases", "Cases, by number.", operations.case_list,
        (
            Param("state", "Open, ended, or both.", among=("open", "ended", "all"), default="open"),
            Param("type", "Of this type."), AREA, *PAGING,
        ),
        is_.paged("cases", is_.CASE),
    ),
    Route(
        "/cases/{number}", "case", "One case with its history.", operations.case,
        (_path("number", "Number of a case.", "2026-000001"),), is_.CASE,
    ),
    Route(
        "/requests", "requests", "Requests for data that you may see, newest first.", sharing.request_list,
        (Param("state", "In this state.", among=sharing.STATES), *PAGING), is_.paged("requests", is_.REQUEST),
    ),
    Route(
        "/requests/{number}", "request", "One request with its history and what it led to.", sharing.request,
        (_path("number", "Number of a request.", "R20260001"),), is_.REQUEST,
    ),
    Route(
        "/grants", "grants", "What may be read by whom, what for, until when, and how much of it is.", sharing.grant_list, PAGING,
        is_.paged("grants", is_.GRANT),
    ),
)  # fmt: skip
