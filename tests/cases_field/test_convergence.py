# SPDX-License-Identifier: Apache-2.0
"""Fifty people, seven days, hardly any network: clocks that are wrong and get set, answers that are lost, parts that come twice
or in the wrong order. In the end the city knows every deed once, and every device knows what the city knows."""

from __future__ import annotations

import datetime as dt
import random

import pytest

from chengyun.access.actors import actor_of_account
from chengyun.cases.field import changes, coverage
from chengyun.cases.field.models import Operation, Twin
from chengyun.cases.field.places import distance_m
from chengyun.cases.field.samples import HERE, report
from chengyun.cases.models import Case, CaseEvent

PEOPLE, DAYS, PAIRS = 50, 7, 60
START = dt.datetime(2026, 4, 1, 0, tzinfo=dt.UTC)
KINDS = ["event/0101", "event/0102", "event/0103", "component/0101", "component/0102", ""]


def test_everything_arrives_once_and_all_converge(phone, monkeypatch):
    monkeypatch.setattr(changes, "MOST_OF_AREA", 30)  # a device holds a part of the city; how large is not the question here
    rng = random.Random(20260401)
    phones = [phone(f"p{number:02}", skew=dt.timedelta(seconds=rng.gauss(0, 900))) for number in range(PEOPLE)]
    made: dict[str, str] = {}
    when: dict[str, dt.datetime] = {}
    planted = _plant(rng)
    events = [(START + dt.timedelta(hours=rng.uniform(0, 24 * DAYS)), rng.randrange(PEOPLE), None) for _ in range(PEOPLE * 3)]
    pairs: dict[int, list[str]] = {}
    for at, number, plan in sorted([*events, *planted], key=lambda event: event[0]):
        one = phones[number]
        if rng.random() < 0.1:
            one.skew += dt.timedelta(seconds=rng.gauss(0, 600))  # somebody sets the clock
        if plan is None:
            _work(rng, one, at, made, when)
        else:
            pair, data = plan
            key = one.do("report", at, data)
            made[key], when[key] = "report", at
            pairs.setdefault(pair, []).append(key)
        if rng.random() < 0.35:
            _bad_line(rng, one, at)
    end = START + dt.timedelta(days=DAYS, hours=1)
    for turn in range(2):
        rng.shuffle(phones)
        for one in phones:
            one.sync(end + dt.timedelta(minutes=turn))

    # Nothing lost, nothing twice.
    assert {str(pk) for pk in Operation.objects.values_list("pk", flat=True)} == set(made)
    open_ones = Operation.objects.filter(state__in=["received", "waiting"])
    assert not open_ones.exists()
    assert all(not one.outbox for one in phones)
    reports = [key for key, kind in made.items() if kind == "report"]
    assert Case.objects.count() == len(reports)
    assert Operation.objects.filter(kind="report", state="applied").values("case").distinct().count() == len(reports)
    notes = Operation.objects.filter(kind="note", state="applied").count()
    assert CaseEvent.objects.filter(kind="noted").count() == notes == sum(kind == "note" for kind in made.values())

    # Every device holds what the city would tell it from the start.
    for one in phones[:10]:
        actor = actor_of_account(one.account, end)
        fresh = changes.since(actor, None, end + dt.timedelta(minutes=5))
        wanted = set(fresh.manifest["cases"])
        assert wanted <= set(one.cases)
        for made_card in fresh.cases:
            held = one.cases[made_card["number"]]
            assert {name: held[name] for name in ("version", "title", "description", "address", "state")} == {
                name: made_card[name] for name in ("version", "title", "description", "address", "state")
            }

    # Two devices that changed one field: one value holds, the other is a question or was taken.
    for one in Operation.objects.filter(kind="edit", state="decide"):
        assert one.result["asked"]["mine"].items() <= one.data["fields"].items()

    # Planted duplicates are flagged; what is far or of another kind is not.
    case_of = dict(Operation.objects.filter(kind="report").values_list("pk", "case_id"))
    flagged = {frozenset(pair) for pair in Twin.objects.values_list("case_id", "other_id")}
    by_text = {str(pk): case for pk, case in case_of.items()}
    found = sum(frozenset((by_text[a], by_text[b])) in flagged for a, b in pairs.values())
    assert found / len(pairs) >= 0.99
    strangers = [twin for twin in Twin.objects.all() if twin.distance_m > 200]
    assert strangers == []

    # The time of each deed is known as well as the clocks allow: to within what the operation itself says.
    errors = [
        abs((one.done_at - when[str(one.pk)]).total_seconds()) * 1000 - one.uncertainty_ms for one in Operation.objects.all()
    ]
    assert sum(error <= 5_000 for error in errors) / len(errors) >= 0.95


def _plant(rng) -> list[tuple[dt.datetime, int, tuple[int, dict]]]:
    """Return when pairs of people report the same thing, each from where they stood, days apart, neither knowing of the other."""
    planted = []
    for number in range(PAIRS):
        lon, lat = HERE[0] + 0.01 * (number % 10) + 0.2, HERE[1] + 0.01 * (number // 10)
        kind = rng.choice(KINDS[:-1])
        for person in rng.sample(range(PEOPLE), 2):
            at = START + dt.timedelta(hours=rng.uniform(1, 24 * DAYS - 2))
            place = {"lon": lon + rng.gauss(0, 0.00008), "lat": lat + rng.gauss(0, 0.00008)}
            planted.append((at, person, (number, report(f"隐患 {number}", category=kind, **place))))
    return planted


def _work(rng, one, at, made, when) -> None:
    kind = rng.choices(["report", "note", "edit"], [3, 2, 2])[0]
    if kind == "report":
        spot = {"lon": HERE[0] + rng.uniform(-0.1, 0.1), "lat": HERE[1] - rng.uniform(0.05, 0.2)}
        key = one.do("report", at, report(f"问题 {len(made)}", category=rng.choice(KINDS), **spot))
        made[key], when[key] = "report", at
        if rng.random() < 0.5:  # and something about it at once, before anybody else knows of it
            later = at + dt.timedelta(seconds=2)
            follow = one.do("note", later, {"case": f"local:{key}", "text": "已设警示"}, after=[key])
            made[follow], when[follow] = "note", later
        return
    if not one.cases:
        return
    card = one.cases[rng.choice(sorted(one.cases))]
    if kind == "note":
        key = one.do("note", at, {"case": card["number"], "text": f"现场查看 {len(made)}"})
    else:
        name = rng.choice(["title", "description", "address"])
        key = one.do(
            "edit", at, {"case": card["number"], "fields": {name: f"改 {len(made)}"}}, base={"fields": {name: card[name]}}
        )
    made[key], when[key] = kind, at


def _bad_line(rng, one, at) -> None:
    """Sync as far as the network lets: parts, out of order, twice, answers lost."""
    sent = list(one.outbox.values())
    rng.shuffle(sent)
    if sent and rng.random() < 0.5:
        sent = sent[: rng.randint(1, len(sent))]
    if sent and rng.random() < 0.3:
        sent = [*sent, sent[0]]
    answer = one.send(at, sent)
    if rng.random() < 0.3:
        return  # the answer never came
    if rng.random() < 0.2:
        one.send(at, sent)
    one.take(answer, at)


@pytest.mark.parametrize("accuracy", [3.0, 40.0])
def test_a_patrol_along_every_street_sees_its_cells_and_a_bad_position_none(accuracy):
    import shapely

    cells = coverage.cells_of(shapely.box(121.5, 29.8, 121.51, 29.805))
    path = [(121.5 + x * 0.0002, 29.8 + y * 0.0005 + 0.0001, accuracy) for y in range(10) for x in range(51)]
    assert coverage.seen_by(cells, path) == cells.wanted
    assert coverage.seen_by(cells, [(lon, lat, 500.0) for lon, lat, _ in path]) == set()
    assert cells.size_m == pytest.approx(distance_m(121.5, 29.8, 121.5 + cells.width, 29.8), rel=0.01)
