# SPDX-License-Identifier: Apache-2.0
"""The whole score of a made-up city: read, compared, written to <data>/simulation/score.json and as a page of text."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from chengyun.access.actors import SYSTEM
from chengyun.access.models import Organisation
from chengyun.city import City
from chengyun.config import Config
from chengyun.errors import Refused
from chengyun.operate.forecasts.queries import standings
from chengyun.operate.forecasts.scoring import Tally
from chengyun.simulate.loop import made_up_type
from chengyun.simulate.people import habit_of
from chengyun.simulate.score import found
from chengyun.simulate.score.duplicates import DuplicateScore, score_duplicates
from chengyun.simulate.score.people import BodyScore, PairScore, SignScore, ordered, score_bodies, score_pairs, score_signs
from chengyun.simulate.score.placebos import LEAST_PLACES, PlaceboScore, score_placebos, told_together
from chengyun.simulate.score.rules import PlantedScore, RuleScore, score_flags, score_planted, score_rules
from chengyun.simulate.settings import Settings, settings_file
from chengyun.simulate.told import folder, read_planted, read_told

__all__ = ["Score", "score", "text", "write"]

DOUBT = 0.5
"""How much the signs of a case must weigh together for it to count as doubted."""
SHOWN = 5
"""Keys of what was missed that the text names of a kind; the file has all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastScore:
    """One forecast over all its subjects. subjects, useful: how many, and how many are shown. steps: whose truth has come.

    covered: how many lay in the interval of nine in ten; covered_half: in that of five in ten; skill: by how much less it erred
    than the season before.
    """

    forecast: str
    subjects: int
    useful: int
    steps: int
    covered: float | None
    covered_half: float | None
    skill: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Everything compared. not_scored: rule → alerts on what nothing is planted for. flags: flag → (observations, right).

    unreported: incidents in the streets that nobody told of. slow, false: how often a slow body has worse figures than another,
    and a false one more doubt, 0 to 1.
    """

    since: dt.datetime
    until: dt.datetime
    rules: Sequence[RuleScore]
    planted: Sequence[PlantedScore]
    not_scored: dict[str, int]
    flags: dict[str, tuple[int, int]]
    incidents: int
    unreported: int
    pairs: PairScore
    duplicates: DuplicateScore
    signs: SignScore
    bodies: Sequence[BodyScore]
    slow: float | None
    false: float | None
    forecasts: Sequence[ForecastScore]
    placebos: Sequence[PlaceboScore]

    def as_json(self) -> str:
        """Return it as one JSON object, with precision and recall beside the counts."""
        told = dataclasses.asdict(self)
        for name in ("pairs", "duplicates", "signs"):
            told[name] |= _shares(getattr(self, name))
        told["rules"] = [dataclasses.asdict(one) | _shares(one) for one in self.rules]
        return json.dumps(told, ensure_ascii=False, indent=1, default=str)


def score(config: Config, city: City, until: dt.datetime, *, placebos: int = 0) -> Score:
    """Compare what was noticed up to a moment with the truth. Raises Refused where no city was made.

    placebos: how many decisions nobody took are judged, of each indicator by each method.
    """
    settings = Settings.load(settings_file(config))
    if settings is None:
        raise Refused("No city was made here yet: run `chengyun simulate --days 30` first.", code="no_simulation")
    planted = list(read_planted(config))
    alerts = found.alerts(settings.begins, until)
    rules, other, heard = score_rules(planted, alerts, found.slack_of(city), until)
    streams = sorted({str(one["stream"]) for one in planted})
    flags = found.flagged(city, streams, settings.begins, until)
    told = list(read_told(config))
    incidents = {one["key"] for one in told if one["what"] == "incident"}
    reports = {one["number"]: one for one in told if one["what"] == "report"}
    incident_of = {number: one["incident"] for number, one in reports.items()}
    joined_by = {number: one.get("by") or ("program" if one["joined"] else "") for number, one in reports.items()}
    kind = made_up_type(city)
    doubts = found.doubts(kind) if kind else {}
    false = {one["key"]: one["how"] for one in told if one["what"] == "false"}
    caught = found.sent_back(kind, city, {one["key"]: one["at"] for one in told if one["what"] == "false"}) if kind else set()
    habits = {key: habit_of(key, settings.seed).name for key in Organisation.objects.values_list("key", flat=True)}
    bodies = score_bodies(found.worked(kind) if kind else [], habits, doubts, DOUBT)
    return Score(
        since=settings.begins, until=until, rules=rules, planted=score_planted(planted, heard, flags, until), not_scored=other,
        flags=score_flags(planted, flags), incidents=len(incidents), unreported=len(incidents - set(incident_of.values())),
        pairs=score_pairs(incident_of, found.cases_of_reports()),
        duplicates=score_duplicates(found.filed(joined_by), incident_of, found.ends()),
        signs=score_signs(false, caught, doubts, found.signs(kind) if kind else {}, DOUBT), bodies=bodies,
        slow=ordered(_hours(bodies, slow=True), _hours(bodies, slow=False)),
        false=ordered(_doubted(bodies, cheating=True), _doubted(bodies, cheating=False)), forecasts=list(_forecasts(until)),
        placebos=score_placebos(city, settings.begins, until, config.zone, settings.seed, placebos) if placebos else [],
    )  # fmt: skip


def write(config: Config, result: Score) -> None:
    """Keep a score beside the truth, whole or not at all."""
    path = folder(config) / "score.json"
    beside = path.with_suffix(".new")
    beside.write_text(result.as_json() + "\n", encoding="utf-8")
    beside.replace(path)


def text(result: Score) -> Iterator[str]:
    """Yield the score as lines a person reads."""
    yield f"From {result.since:%Y-%m-%d %H:%M} to {result.until:%Y-%m-%d %H:%M} UTC."
    yield ""
    yield f"{'rule':<44}{'planted':>9}{'found':>7}{'recall':>8}{'alerts':>8}{'true':>7}{'precision':>11}"
    for one in result.rules:
        yield (
            f"{one.rule:<44}{one.planted:>9}{one.found:>7}{_share(one.recall):>8}{one.alerts:>8}{one.true:>7}"
            f"{_share(one.precision):>11}"
        )
    for rule, count in sorted(result.not_scored.items()):
        yield f"{rule:<44}{'nothing is planted for it':>32}{count:>8}"
    yield ""
    yield f"{'planted':<44}{'count':>9}{'by alert':>10}{'by flag':>9}{'missed':>8}"
    for kind in result.planted:
        named = f"{kind.what} {kind.kind}, {kind.stream}"
        yield f"{named:<44}{kind.planted:>9}{kind.by_alert:>10}{kind.by_flag:>9}{len(kind.missed):>8}"
        if kind.missed:
            yield f"    missed{_named(kind.missed)}"
    yield ""
    for flag, (whole, right) in result.flags.items():
        yield f"flag {flag}: {whole:,} observations, {right:,} where something was planted ({_share(right / whole)})"
    yield f"incidents in the streets: {result.incidents:,}, of which nobody told of {result.unreported:,}"
    yield from _duplicates(result.duplicates)
    pairs = result.pairs
    yield f"the same by pairs of reports: {pairs.planted:,}, {pairs.joined:,} joined, {pairs.right:,} rightly; {_both(pairs)}"
    yield from _signs(result.signs)
    for body in result.bodies:
        hours = "–" if body.hours is None else f"{body.hours:.1f} h"
        yield (
            f"body {body.body} is {body.habit or 'unknown'}: {body.cases:,} cases, {_share(body.in_time)} in time, "
            f"middle {hours}, {_share(body.doubted)} doubted"
        )
    for made in result.forecasts:
        yield (
            f"forecast {made.forecast}: {made.useful:,} of {made.subjects:,} subjects useful, {made.steps:,} steps, "
            f"{_share(made.covered)} in nine of ten, {_share(made.covered_half)} in five of ten, skill {_share(made.skill)}"
        )
    yield from _placebos(result.placebos)
    yield f"a slow body takes longer than another: {_share(result.slow)}; a false one is doubted more: {_share(result.false)}"


def _duplicates(one: DuplicateScore) -> Iterator[str]:
    yield (
        f"reports of what was told before and still open: {one.due:,} ({one.ended:,} more came after its end); {one.found:,} "
        f"joined; {_both(one)}"
    )
    for who in one.right:
        yield f"    joined by the {who}: {one.right[who]:,} rightly, {one.wrong[who]:,} wrongly"
    yield f"    shown by the search: {one.shown:,}, first of what it showed: {one.first:,}"
    for reason in ("shown", "not_shown"):
        missed = [number for number, why in one.missed.items() if why == reason]
        yield f"    missed, {reason.replace('_', ' ')}: {len(missed):,}{_named(missed)}"


def _signs(one: SignScore) -> Iterator[str]:
    yield (
        f"cases that ended with a false deed: {one.planted:,} ({one.caught:,} more were sent back by the check or the reporter); "
        f"{one.doubted:,} doubted, {one.right:,} rightly; {_both(one)}"
    )
    for sign, (spoke, right) in one.by_sign.items():
        yield f"    {sign}: {spoke:,} cases, {right:,} of them false ({_share(right / spoke if spoke else None)})"
    for how in sorted(set(one.missed.values())):
        missed = [case for case, was in one.missed.items() if was == how]
        yield f"    missed, {how}: {len(missed):,}{_named(missed)}"


def _placebos(scores: Sequence[PlaceboScore]) -> Iterator[str]:
    if not scores:
        return
    yield f"{'decisions nobody took':<44}{'method':>14}{'drawn':>7}{'verdict':>9}{'flagged':>9}{'covered':>9}"
    for one in [*scores, *(told_together(scores, method) for method in LEAST_PLACES)]:
        yield (
            f"{one.indicator or 'all':<44}{one.method:>14}{one.drawn:>7}{one.told:>9}"
            f"{_share(one.flagged / one.told if one.told else None):>9}{_share(one.covered / one.told if one.told else None):>9}"
        )
        if one.refused:
            yield "    no verdict: " + ", ".join(f"{reason} {count}" for reason, count in sorted(one.refused.items()))


def _named(keys: Sequence[str]) -> str:
    rest = f" and {len(keys) - SHOWN} more" if len(keys) > SHOWN else ""
    return f": {', '.join(keys[:SHOWN])}{rest}" if keys else ""


def _forecasts(until: dt.datetime) -> Iterator[ForecastScore]:
    """Yield how forecasts turned out, where any were made: `chengyun up` makes them."""
    for key, rows in groupby(standings(SYSTEM, until), key=lambda one: one.forecast):
        made = list(rows)
        whole = functools.reduce(Tally.plus, (one.tally for one in made))
        yield ForecastScore(
            forecast=key, subjects=len(made), useful=sum(one.useful for one in made), steps=whole.count, covered=whole.covered,
            covered_half=whole.covered_half, skill=whole.skill,
        )  # fmt: skip


def _hours(bodies: Sequence[BodyScore], *, slow: bool) -> list[float]:
    return [one.hours for one in bodies if one.hours is not None and one.habit and (one.habit == "slow") == slow]


def _doubted(bodies: Sequence[BodyScore], *, cheating: bool) -> list[float]:
    return [one.doubted for one in bodies if one.habit and (one.habit == "cheating") == cheating]


def _shares(one: Any) -> dict[str, float | None]:
    return {"precision": one.precision, "recall": one.recall}


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _both(one: Any) -> str:
    return f"precision {_share(one.precision)}, recall {_share(one.recall)}"
