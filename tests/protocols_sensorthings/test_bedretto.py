# SPDX-License-Identifier: Apache-2.0
"""A year of rain in Bedretto, as CSV in local time and as SensorThings in UTC: one series, whichever way it comes in."""

from __future__ import annotations

import csv
import gzip
import io
import math
from pathlib import Path

import pytest
from spoken import Spoken

FOLDER = "data/sensorthings-bedretto"


@pytest.mark.shared
def test_both_forms_of_a_year_of_rain_are_the_same_series(city: Spoken, shared: Path) -> None:
    folder = shared / FOLDER
    local = [row for row in csv.reader(io.StringIO((folder / "P_BED.csv").read_text())) if row and row[0][:1].isdigit()]
    with gzip.open(folder / "sta_P_BED.csv.gz", "rt") as file:
        told = list(csv.DictReader(file))
    assert len(local) == len(told) == 7007
    names = {"phenomenonTime", "result", "resultQuality"}
    assert names <= told[0].keys()
    first, second = city.datastream(), city.datastream()
    by_time = [[row[0], float(row[2]), row[3]] for row in local]
    by_name = [[row["phenomenonTime"], float(row["result"]), row["resultQuality"]] for row in told]
    for stream, rows in ((first, by_time), (second, by_name)):
        array = [
            {"Datastream": {"@iot.id": stream}, "components": ["phenomenonTime", "result", "resultQuality"], "dataArray": rows}
        ]
        links = city.ask("POST", "CreateObservations", array).json()
        assert all(link.startswith("http") for link in links), next(link for link in links if not link.startswith("http"))
    series = [walk(city, stream) for stream in (first, second)]
    assert series[0] == series[1]
    assert math.isclose(sum(value for _, value in series[0]), sum(float(row[2]) for row in local))
    wet = city.get(f"Datastreams({first})/Observations?$filter=resultQuality ne '100' and result gt 0&$count=true&$top=0")[
        "@iot.count"
    ]
    assert wet == sum(row[3] != "100" and float(row[2]) > 0 for row in local)


def walk(city: Spoken, stream: int) -> list[tuple[str, float]]:
    found: list[tuple[str, float]] = []
    link = f"Datastreams({stream})/Observations?$select=phenomenonTime,result&$orderby=phenomenonTime&$top=2000"
    while link:
        page = city.get(link)
        found += [(it["phenomenonTime"], it["result"]) for it in page["value"]]
        link = page.get("@iot.nextLink", "")
    return found
