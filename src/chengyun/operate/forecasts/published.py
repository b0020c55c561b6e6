# SPDX-License-Identifier: Apache-2.0
"""Data sets that others have forecast, read as panels, with what they reached; each folder's SOURCE.md says where from."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from chengyun.errors import Unavailable
from chengyun.operate.forecasts.pooled import Panel

__all__ = ["BAY_WHEELS", "LOS_ANGELES", "SHENZHEN", "bay_wheels", "los_angeles", "shenzhen", "victoria"]

SHENZHEN: Mapping[str, str] = {
    "T-GCN on this cut": "RMSE 4.8706 MAE 3.5281",
    "T-GCN, 156 roads": "RMSE 3.9325 MAE 2.7145",
    "GRU, 156 roads": "RMSE 3.9994 MAE 2.5955",
    "SVR, 156 roads": "RMSE 4.1455 MAE 2.6233",
}
LOS_ANGELES: Mapping[int, Mapping[str, str]] = {
    3: {"T-GCN": "RMSE 5.1264 MAE 3.1802", "GRU": "RMSE 5.2182 MAE 3.0602", "SVR": "RMSE 6.0084 MAE 3.7285"},
    6: {"T-GCN": "RMSE 6.0598 MAE 3.7466", "GRU": "RMSE 6.2802 MAE 3.6505", "SVR": "RMSE 6.9588 MAE 3.7248"},
    9: {"T-GCN": "RMSE 6.7065 MAE 4.1158", "GRU": "RMSE 7.0343 MAE 4.5186", "SVR": "RMSE 7.7504 MAE 4.1288"},
    12: {"T-GCN": "RMSE 7.2677 MAE 4.6021", "GRU": "RMSE 7.6621 MAE 4.7957", "SVR": "RMSE 8.4388 MAE 4.5036"},
}
BAY_WHEELS: Mapping[str, str] = {"last value, all four weeks": "MAE 0.394 at 30 min, 0.645 at 1 h, 1.027 at 2 h, 3.134 at 24 h"}

HALF_HOUR_S = 1_800
DAY = 48


def shenzhen(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return taxi speeds (quarter hours, 40 roads) as they stand there, 0 for none seen, and which roads meet."""
    rows = _rows(folder / "traffic-sz-taxi" / "sz_speed_40roads.csv.gz")
    speeds = np.array([[float(cell) for cell in row[1:]] for row in rows[1:]])
    near = np.loadtxt(folder / "traffic-sz-taxi" / "sz_adj_156.csv", delimiter=",")
    return speeds, near[: speeds.shape[1], : speeds.shape[1]]


def los_angeles(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return loop speeds (5 minutes, 207 sensors) and how near sensors are by road."""
    rows = _rows(folder / "traffic-los-loop" / "los_speed.csv.gz")
    near = np.loadtxt(folder / "traffic-los-loop" / "los_adj.csv", delimiter=",")
    return np.array([[float(cell) for cell in row] for row in rows[1:]]), near


def victoria(folder: Path) -> Panel:
    """Return half-hourly demand with temperature as known then; holidays are known ahead."""
    rows = _rows(folder / "energy-victoria" / "vic_electricity.csv.gz")
    column = {name: place for place, name in enumerate(rows[0])}
    demand, warmth = (np.array([float(row[column[name]]) for row in rows[1:]]) for name in ("Demand", "Temperature"))
    holiday = np.array([row[column["Holiday"]].upper() == "TRUE" for row in rows[1:]], np.float64)
    hot, cold = np.maximum(warmth - 20.0, 0.0), np.maximum(14.0 - warmth, 0.0)
    warmer = np.concatenate([np.zeros(DAY), warmth[DAY:] - warmth[:-DAY]])
    now = np.column_stack([warmth, hot, cold, hot**2, warmer])
    yesterday = np.concatenate([np.zeros(DAY), holiday[:-DAY]])
    tomorrow = np.concatenate([holiday[DAY:], np.zeros(DAY)])
    ahead = np.column_stack([holiday, yesterday, tomorrow])
    return Panel(demand[:, None], (DAY, 7 * DAY), 7 * DAY, now=now[:, None, :], ahead=ahead[:, None, :])


def bay_wheels(folder: Path) -> Panel:
    """Return the bicycles at stations by half hour, NaN where no snapshot was taken or the station is absent."""
    rows = _rows(folder / "bike-baywheels" / "station_status_30min_202210.csv.gz")
    column = {name: place for place, name in enumerate(rows[0])}
    seconds: dict[str, int] = {}
    for row in rows[1:]:
        text = row[column["time"]]
        if text not in seconds:
            seconds[text] = int(dt.datetime.fromisoformat(text).timestamp())
    first = min(seconds.values())
    slot = np.array([(seconds[row[column["time"]]] - first) // HALF_HOUR_S for row in rows[1:]])
    station = np.array([int(row[column["station"]]) for row in rows[1:]])
    values = np.full((slot.max() + 1, station.max() + 1), np.nan)
    values[slot, station] = [float(row[column["bikes"]]) for row in rows[1:]]
    seen = (~np.isnan(values[: int(0.6 * len(values))])).sum(axis=0) > 7 * DAY
    return Panel(values[:, seen], (DAY, 7 * DAY), DAY, whole=True)


def _rows(path: Path) -> list[list[str]]:
    if not path.exists():
        raise Unavailable(f"{path.name} is not in {path.parent.name}. Set CHENGYUN_BENCH_SHARED to the folder that holds data/.")
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.reader(file))
