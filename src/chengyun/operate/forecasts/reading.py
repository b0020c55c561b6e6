# SPDX-License-Identifier: Apache-2.0
"""What a forecast is made from: every subject's course on one clock, and the state of the data it was read in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
from django.apps import apps
from django.conf import settings

from chengyun.city import City, Forecast, qualify
from chengyun.config import config
from chengyun.lake.models import Stream
from chengyun.operate import store
from chengyun.operate.models import Figure

__all__ = ["Course", "about", "dataset_of", "has_data", "read", "step_begin"]

QUERY = """
SELECT "{entity}" AS subject, CAST(floor((epoch_us("{time}") - $first) / $step) AS BIGINT) AS slot, avg("{field}") AS value
FROM "{pack}"."{stream}" WHERE "{field}" IS NOT NULL AND ($missing IS NULL OR "{field}" <> $missing)
GROUP BY 1, 2 ORDER BY 1, 2
"""


@dataclass(frozen=True, eq=False)
class Course:
    """Values (steps, subjects) from `since` on, NaN: unknown. as_of: stream → seq, or "figures" → id."""

    subjects: tuple[str, ...]
    since: dt.datetime
    step: dt.timedelta
    values: np.ndarray
    as_of: Mapping[str, int]

    @property
    def until(self) -> dt.datetime:
        """The first instant after the last step."""
        return self.since + len(self.values) * self.step


def dataset_of(key: str) -> str:
    """Return the qualified stream or indicator a forecast is about: who may read that may read it."""
    city: City = settings.CITY
    return qualify(key.split(".")[0], city.forecasts[key].on)


def has_data(key: str) -> bool:
    """Say whether anything was ever received or computed of what a forecast is about."""
    city: City = settings.CITY
    name = dataset_of(key)
    if name in city.streams:
        return Stream.objects.filter(stream=name, next_seq__gt=1).exists()
    return Figure.objects.filter(indicator=name).exists()


def step_begin(declared: Forecast, moment: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    """Return the start of the step a moment lies in; steps of a day or more begin at local midnight."""
    if declared.step >= dt.timedelta(days=1):
        # A fixed offset: steps are of one length, and the zones this runs in keep no summer time.
        shift = zone.utcoffset(moment.replace(tzinfo=None)) or dt.timedelta(0)
    else:
        shift = dt.timedelta(0)
    epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) - shift
    return epoch + (moment - epoch) // declared.step * declared.step


def read(key: str, since: dt.datetime, until: dt.datetime) -> Course:
    """Return the courses of a forecast's subjects in [since, until), both beginnings of steps."""
    city: City = settings.CITY
    declared: Forecast = city.forecasts[key]
    name = dataset_of(key)
    found, as_of = (_of_stream if name in city.streams else _of_figures)(name, declared, since, until)
    subjects = tuple(sorted(found))
    values = np.full(((until - since) // declared.step, len(subjects)), np.nan)
    for number, subject in enumerate(subjects):
        for slot, value in found[subject]:
            if 0 <= slot < len(values):
                values[slot, number] = value
    if declared.stands:
        values = _standing(values, dt.timedelta(days=1) // declared.step)
    return Course(subjects, since, declared.step, values, as_of)


def about(key: str, subjects: Sequence[str]) -> dict[str, str]:
    """Return the area code of each subject."""
    city: City = settings.CITY
    name = dataset_of(key)
    if name in city.indicators:
        return store.area_codes(city, name, subjects)
    entity = qualify(name.split(".")[0], city.streams[name].entity.to)
    model = apps.get_model(entity.split(".")[0], city.entities[entity].model)
    return dict(model._default_manager.filter(key__in=subjects).values_list("key", "area_code"))


def _standing(values: np.ndarray, longest: int) -> np.ndarray:
    """Return values that hold until the next one, for so many steps at most."""
    index = np.arange(len(values))[:, None]
    newest = np.maximum.accumulate(np.where(np.isnan(values), -longest - 1, index), axis=0)
    held = np.take_along_axis(values, np.maximum(newest, 0), axis=0)
    return np.where(index - newest <= longest, held, np.nan)


Found = tuple[dict[str, list[tuple[int, float]]], dict[str, int]]


def _of_stream(name: str, declared: Forecast, since: dt.datetime, until: dt.datetime) -> Found:
    from chengyun.lake.read import snapshot  # loads DuckDB, which a page that shows forecasts does not need

    city: City = settings.CITY
    stream, pack = city.streams[name], name.split(".")[0]
    text = QUERY.format(
        entity=stream.entity.key, time=stream.time, field=declared.field, pack=pack, stream=stream.key
    )  # declared keys: letters, digits, underscores
    given = {
        "first": _micros(since), "step": declared.step // dt.timedelta(microseconds=1), "missing": declared.missing,
    }  # fmt: skip
    found: dict[str, list[tuple[int, float]]] = {}
    with snapshot([name], since=since, until=until, exact=False, registers=False) as lake:
        table = lake.arrow(text, given).to_pydict()
        as_of = dict(lake.seqs)
    for subject, slot, value in zip(table["subject"], table["slot"], table["value"], strict=True):
        found.setdefault(subject, []).append((int(slot), float(value)))
    return found, as_of


def _of_figures(name: str, declared: Forecast, since: dt.datetime, until: dt.datetime) -> Found:
    found: dict[str, list[tuple[int, float]]] = {}
    newest = store.newest_id()
    for one in store.used_figures(name, since, until, newest):
        if one.value is not None and one.value != declared.missing:
            begin = step_begin(declared, one.period_start, config().zone)
            found.setdefault(one.subject, []).append(((begin - since) // declared.step, float(one.value)))
    return found, {"figures": newest}


def _micros(moment: dt.datetime) -> int:
    return (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)
