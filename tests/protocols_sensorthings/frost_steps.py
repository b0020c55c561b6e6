# SPDX-License-Identifier: Apache-2.0
"""Twelve steps with frost-sta-client, the client people really use. Runs in an environment of its own: address and token given.

Each step prints `ok <n> <what>`; the first that fails ends the run with its error.
"""

import sys

import frost_sta_client as fsc
from frost_sta_client.service.auth_handler import AuthHandler
from frost_sta_client.service.sensorthingsservice import SensorThingsService
from geojson import Point


class Bearer(AuthHandler):
    """Shows a token instead of a password."""

    def __init__(self, token: str) -> None:
        super().__init__("", "")
        self.token = token

    def add_auth_header(self):  # as the client calls it
        return lambda request: request.headers.update({"Authorization": f"Bearer {self.token}"}) or request


def main(url: str, token: str) -> None:
    service = SensorThingsService(url)
    service.auth_handler = Bearer(token)
    done = iter(range(1, 13))

    def ok(what: str) -> None:
        print("ok", next(done), what, flush=True)

    thing = fsc.Thing("lamp post", "of the harbour road", {"ward": "harbour"})
    service.create(thing)
    place = fsc.Location("corner", "of two roads", encoding_type="application/geo+json", location=Point((121.55, 29.87)))
    place.things = [thing]
    service.create(place)
    sensor = fsc.Sensor("thermometer", "cheap", encoding_type="text/html", metadata="none")
    service.create(sensor)
    observed = fsc.ObservedProperty("air temperature", "urn:temperature", "of the air")
    service.create(observed)
    assert all(one.id for one in (thing, place, sensor, observed))
    ok("create what stands alone")

    stream = fsc.Datastream(
        name="temperature",
        description="of the corner",
        observation_type="urn:measurement",
        unit_of_measurement=fsc.UnitOfMeasurement("degree Celsius", "°C", "ucum:Cel"),
    )
    stream.thing, stream.sensor, stream.observed_property = thing, sensor, observed
    service.create(stream)
    assert service.datastreams().find(stream.id).name == "temperature"
    ok("link to entities that are sent whole")

    for hour in range(5):
        one = fsc.Observation(result=20 + hour, phenomenon_time=f"2026-05-01T{hour:02d}:00:00Z", datastream=stream)
        service.create(one)
    ok("create observations")

    feature = service.observations().query().filter(f"Datastream/id eq {stream.id}").expand("FeatureOfInterest").list().get(0)
    assert feature.feature_of_interest.feature["coordinates"] == [121.55, 29.87]
    ok("a feature of interest was made from the location")

    found = service.datastreams().query().filter(f"Thing/properties/ward eq 'harbour' and Thing/id eq {thing.id}").list()
    assert [one.id for one in found] == [stream.id]
    ok("filter by a property of a related entity")

    (whole,) = service.things().query().filter(f"id eq {thing.id}").expand("Locations,Datastreams/Sensor").list().entities
    assert whole.locations.entities[0].name == "corner"
    assert whole.datastreams.entities[0].sensor.name == "thermometer"
    ok("expand two levels")

    assert [one.result for one in stream.get_observations().query().list()] == [20, 21, 22, 23, 24]
    ok("navigate")

    ordered = service.observations().query().filter(f"Datastream/Thing/id eq {thing.id}").orderby("Datastream/name")
    newest = stream.get_observations().query().orderby("phenomenonTime", "desc").top(2).list()
    assert [newest.get(0).result, newest.get(1).result] == [24, 23]
    assert len(list(ordered.list())) == 5
    ok("order, also by what is related")

    counted = stream.get_observations().query().top(1).count().list()
    assert counted.count == 5
    ok("count")

    thing.name = "lamp post 2"
    service.update(thing)
    assert service.things().find(thing.id).name == "lamp post 2"
    service.patch(thing, [{"op": "replace", "path": "/properties", "value": {"ward": "hill"}}])
    assert service.things().find(thing.id).properties == {"ward": "hill"}
    ok("update whole, and by JSON Patch")

    assert service.sensors().find(sensor.id).metadata == "none"
    assert len(list(stream.get_observations().query().top(2).list())) == 5
    ok("find, and walk all pages")

    service.delete(thing)
    assert not list(service.datastreams().query().filter(f"id eq {stream.id}").list())
    assert not list(service.observations().query().filter(f"Datastream/id eq {stream.id}").list())
    for one in (place, sensor, observed):
        service.delete(one)
    ok("delete, with what hangs on it")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
