# SPDX-License-Identifier: Apache-2.0
"""A city drawn by seed: plausible people, instruments whose truth is known, the same bytes whatever was made before."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from chengyun.city import Defect, Instrument, Mishap, Ref, Sensors, Stream, load_city
from chengyun.city.fields import Quantity
from chengyun.errors import Misdeclared
from chengyun.simulate.world.ground import metres
from chengyun.simulate.world.parts import Bank, OneByOne, Part, parts_of
from chengyun.simulate.world.residents import DAUGHTER, EPOCH, HEAD, PARENT, RANKS, SON, SPOUSE, firms, residents
from chengyun.simulate.world.seeds import generator
from chengyun.simulate.world.sky import sky
from chengyun.standards.identifiers.persons import check_character

from .conftest import BEGINS, DISTRICTS, SEED, ground, inside

ZONE = ZoneInfo("Asia/Shanghai")
HOUR = dt.timedelta(hours=1)
CITY = load_city()


@pytest.fixture(scope="module")
def parts() -> dict[str, Part]:
    return {part.key: part for part in parts_of(CITY, ground(20_000), 1_000, BEGINS, ZONE)}


def test_people_are_plausible_and_live_together_as_people_do() -> None:
    where = ground(60_000)
    people = residents(where)
    ages, count = people.ages(), len(people)
    assert count == 60_000
    assert 0.10 < (ages < 15).mean() < 0.16
    assert 0.16 < (ages >= 60).mean() < 0.25
    assert 0.95 < (people.sex == 1).sum() / (people.sex == 2).sum() < 1.07
    assert ages.max() <= 101
    assert 2.0 < count / len(people.building) < 2.7
    heads = np.flatnonzero(people.relation == HEAD)
    assert (np.diff(people.household[heads]) == 1).all()
    spouses = np.flatnonzero(people.relation == SPOUSE)
    assert (people.sex[spouses] != people.sex[spouses - 1]).all()
    assert (people.relation[spouses - 1] == HEAD).all()
    assert ages[heads].min() >= 19
    assert ages[(people.relation == SON) | (people.relation == DAUGHTER)].max() <= 23
    parents = np.flatnonzero(people.relation == PARENT)
    head_of = heads[people.household[parents]]
    assert ((ages[parents] - ages[head_of] >= 21) | (ages[parents] >= 100)).all()
    assert (people.surname[np.isin(people.relation, (SON, DAUGHTER))] == people.surname[
        heads[people.household[np.isin(people.relation, (SON, DAUGHTER))]]
    ]).all()  # fmt: skip


def test_identity_numbers_check_and_are_given_once() -> None:
    where = ground(30_000)
    people = residents(where)
    assert people.rank.max() < RANKS
    [telling] = CITY.packs["population"].pack.tellings
    homes = list(people.homes(where, 3_000))
    stated = [one for one in telling.tell(homes, EPOCH.astype(object)) if one.entity == "person"]
    numbers = [one.values["id_number"] for one in stated]
    assert 3_000 <= len(stated) < 3_010
    assert len(set(numbers)) == len(numbers)
    assert all(check_character(number[:17]) == number[17] and number[:6] == "330202" and number[14] == "9" for number in numbers)
    assert all(int(one.values["id_number"][16]) % 2 == int(one.values["sex"]) % 2 for one in stated)
    assert all(f"{one.values['birth_date']:%Y%m%d}" == one.values["id_number"][6:14] for one in stated)
    codes = [one.key for one in CITY.packs["legal_entities"].pack.tellings[0].tell(list(firms(where, 40)), EPOCH.astype(object))]
    assert len(set(codes)) == 40


def test_buildings_stand_in_their_district_and_street() -> None:
    found = ground(40_000).buildings
    codes = np.array([district.code for district in DISTRICTS])[found.district]
    assert (np.array(inside(found.lon, found.lat)) == codes).all()
    assert ((found.street >= 0) == (codes == "330203")).all()
    assert set(found.street[codes == "330203"]) == {0, 1}


def test_a_part_does_not_depend_on_what_was_made_before(parts: dict[str, Part]) -> None:
    again = {part.key: part for part in parts_of(CITY, ground(20_000), 1_000, BEGINS, ZONE)}
    moments = [BEGINS + 30 * HOUR, BEGINS, BEGINS + 400 * HOUR]
    for key in reversed(parts):
        for at in reversed(moments):
            one, other = parts[key].observed(at), again[key].observed(at)
            assert (one.sensor == other.sensor).all()
            assert all((column == other.values[name]).all() for name, column in one.values.items())
    other = {part.key: part for part in parts_of(CITY, ground(20_000, SEED + 1), 1_000, BEGINS, ZONE)}
    assert any(not np.array_equal(parts[key].observed(BEGINS).values["pm25"], other[key].observed(BEGINS).values["pm25"])
               for key in parts if "air" in key)  # fmt: skip
    assert generator(1, "a", 12).random() != generator(1, "a1", 2).random()
    assert sky(SEED, BEGINS, ZONE) == sky(SEED, BEGINS, ZONE)


def test_ordinary_days_cross_no_limit_and_are_no_flat_line(parts: dict[str, Part]) -> None:
    """What is above or below a limit was planted: before the beginning nothing is."""
    low: dict[str, float] = {}
    high: dict[str, float] = {}
    for key, part in parts.items():
        for hours in range(0, 365 * 24, 331):
            for name, column in part.observed(BEGINS - HOUR * (hours + 40 * 24)).values.items():
                low[f"{key}.{name}"] = min(low.get(f"{key}.{name}", 1e9), float(column.min()))
                high[f"{key}.{name}"] = max(high.get(f"{key}.{name}", -1e9), float(column.max()))
    assert high["air_quality.micro.pm25"] < 115
    assert high["air_quality.micro.o3"] < 180
    assert low["water_supply.junction.pressure"] > 16
    assert low["water_supply.tank.level"] > 1
    assert low["parking.lot.free"] > 10
    assert min(low["shared_bikes.dock.bikes"], low["shared_bikes.dock.docks"]) > 3
    assert all(high[name] > low[name] for name in low)


def _instrument(**given: object) -> Instrument:
    def read(_sky: object, sensors: Sensors) -> dict[str, np.ndarray]:
        return {"level": 10 + sensors.noise["a"] - 9 * sensors.felt["drained"]}

    whole = {"share": 1.0, "key": "gauge", "name": "水位计", "stream": "level", "read": read, **given}
    return Instrument(**whole)  # type: ignore[arg-type]


LEVEL = Stream(
    key="level", name="水位", one_row_is="一处、一小时", time="at",
    fields=[Ref("gauge", to="gauge"), Quantity("level", "水位", unit="m", valid=(0, 100), decimals=2)], cadence=HOUR,
)  # fmt: skip
DRAINED = Mishap(key="drained", name="放空", rules=[], often=200, hours=(3, 3), reach_m=800)


def _bank(*defects: Defect) -> Bank:
    return Bank("wells", _instrument(mishaps=[DRAINED], defects=defects), LEVEL, ground(20_000), 50, BEGINS, ZONE)


def test_a_mishap_is_felt_within_its_reach_for_its_hours_and_by_nobody_else() -> None:
    bank = _bank()
    incidents, _ = bank.planted(BEGINS, BEGINS + 10 * 24 * HOUR)
    assert len(incidents) > 5
    one = incidents[0]
    assert one.until - one.since == 3 * HOUR
    apart = metres(bank.sensors.lon, bank.sensors.lat, one.lon, one.lat)
    assert set(one.sensors) == set(np.flatnonzero(apart <= 800).tolist())
    assert apart[one.sensors[0]] == apart.min() == 0
    drained = set(np.flatnonzero(bank.observed(one.since).values["level"] < 5).tolist())
    going = [other for other in incidents if other.since <= one.since < other.until]
    assert drained == {place for other in going for place in other.sensors}
    assert not (bank.observed(BEGINS - HOUR).values["level"] < 5).any()


@pytest.mark.parametrize(
    ("defect", "shows"),
    [
        (Defect(kind="silence", often=60, hours=(5, 5)), lambda sent, true: sent is None),
        (Defect(kind="stuck", quantity="level", often=60, hours=(6, 6)), lambda sent, true: sent == 10.0),
        (Defect(kind="spike", quantity="level", size=50, often=60, hours=(1, 1)), lambda sent, true: sent == round(true + 50, 3)),
        (Defect(kind="drift", quantity="level", size=1.0, often=60, hours=(72, 72)), lambda sent, true: true < sent < 2 * true),
    ],
)
def test_a_defect_changes_what_one_sensor_sends_and_not_what_is_true(defect: Defect, shows) -> None:
    bank = _bank(defect)
    _, faults = bank.planted(BEGINS, BEGINS + 20 * 24 * HOUR)
    fault = next(one for one in faults if sum(other.sensor == one.sensor for other in faults) == 1)
    sent, true = bank.observed(fault.since), bank.true(fault.since)["level"][fault.sensor]
    there = np.flatnonzero(sent.sensor == fault.sensor)
    assert shows(sent.values["level"][there[0]] if len(there) else None, true)
    after = bank.observed(fault.until)
    [place] = np.flatnonzero(after.sensor == fault.sensor)
    assert after.values["level"][place] == pytest.approx(bank.true(fault.until)["level"][fault.sensor], abs=6e-4)


def test_a_simulation_of_one_sensor_at_a_time_is_a_part_too() -> None:
    from chengyun.city import SimulatedArea

    simulation = CITY.packs["air_quality"].pack.simulation
    assert simulation is not None
    areas = [SimulatedArea("330203", "海曙区", tuple((121.4 + n / 1000, 29.85) for n in range(24)))]
    part = OneByOne("air_quality", simulation, "station_hour", CITY.streams["air_quality.station_hour"], areas, 7)
    block = part.observed(BEGINS)
    assert len(part.keys) == len(list(part.registered())) == 24
    expected = simulation.observe("station_hour", part.keys[int(block.sensor[0])], BEGINS, 7)
    assert expected is not None
    assert block.values["pm25"][0] == expected["pm25"]
    assert np.isnan(block.values["o3_8h"]).all()
    assert part.planted(BEGINS, BEGINS + HOUR) == ((), ())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"share": 0.0}, "share is 0.0"),
        ({"step": dt.timedelta(hours=7)}, "divides a day"),
        ({"mishaps": [DRAINED, DRAINED]}, "stands twice"),
        ({"defects": [Defect(kind="stuck", often=1, hours=(9, 3))]}, "expected \\(least, most\\)"),
    ],
)
def test_a_wrong_instrument_says_what_is_wrong(given: dict[str, object], said: str) -> None:
    with pytest.raises(Misdeclared, match=said):
        _instrument(**given)


def test_every_rule_that_should_speak_is_one_of_the_city() -> None:
    named = {
        f"{pack}.{rule}"
        for pack, loaded in CITY.packs.items()
        for instrument in loaded.pack.instruments
        for one in (*instrument.mishaps, *instrument.defects)
        for rule in (*one.rules, *one.also)
    }
    assert len(named) > 8
    assert named <= set(CITY.alerts)
