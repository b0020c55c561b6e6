# SPDX-License-Identifier: Apache-2.0
"""Tiles: whole while they can be, thinned by the declared rule when not, gone when the world ends."""

from __future__ import annotations

import itertools
import math

import pytest

from chengyun.protocols.ogc import mvt, tiles

STATIONS = "/collections/air_quality.station/tiles/WebMercatorQuad"


def test_a_tile_s_metadata_name_its_layer_and_rule(city) -> None:
    told = city.get(STATIONS, headers={"accept-language": "en"}).json()
    assert told["layers"][0]["id"] == "air_quality.station"
    assert str(tiles.MOST) in told["description"]
    template = next(one for one in told["links"] if one["rel"] == "item")
    assert template["templated"] is True
    address = template["href"].format(tileMatrix=8, tileRow=105, tileCol=214)
    assert city.client.get(address).headers["content-type"] == "application/vnd.mapbox-vector-tile"
    tilejson = city.get(f"{STATIONS}/tilejson.json").json()
    assert tilejson["vector_layers"][0]["fields"]["station_5min_pm25"] == "Number"
    assert tilejson["bounds"][0] == min(row["lon"] for row in city.rows if row["lon"])


def test_matrices_halve(city) -> None:
    matrices = city.get("/tileMatrixSets/WebMercatorQuad").json()["tileMatrices"]
    assert matrices[0]["scaleDenominator"] == pytest.approx(559082264.0287178)
    assert all(one["cellSize"] == 2 * two["cellSize"] for one, two in itertools.pairwise(matrices))


@pytest.mark.parametrize("path", ["8/0/256", "8/256/0", "23/0/0", "8/-1/0", "8/x/0", "1e2/0/0"])
def test_a_tile_beyond_the_world_is_not_there(city, path: str) -> None:
    assert city.get(f"{STATIONS}/{path}").status_code == 404


def test_a_tile_without_features_is_empty(city) -> None:
    answer = city.get(f"{STATIONS}/8/0/0")
    assert (answer.status_code, answer.content) == (204, b"")


def test_every_point_is_in_the_tile_it_lies_in(city) -> None:
    zoom, placed = 9, [row for row in city.rows if row["lon"] is not None]
    where = {(math.floor(x), math.floor(y)) for x, y in (_at(row, zoom) for row in placed)}
    seen: set[int] = set()
    for column, row in where:
        decoded = _decode(city.get(f"{STATIONS}/{zoom}/{row}/{column}").content)
        inside = {one: xy for one, xy in decoded.items() if all(0 <= part < mvt.EXTENT for part in xy)}
        right = {one["id"] for one in placed if tuple(map(math.floor, _at(one, zoom))) == (column, row)}
        assert set(inside) == right
        seen |= set(inside)
    assert len(seen) == len(placed)


def test_a_crowded_tile_shows_one_of_each_cell(city) -> None:
    keep, count = city.rows[-1]["id"], tiles.MOST + 4_000
    before = "SET session_replication_role = replica; "
    city.run(
        before
        + "INSERT INTO air_quality_city (key, name, area_code, lon, lat, simulated, source) SELECT 'c' || i, 'c', '330203',"
        f" 0.001 + mod(i, 160) * 1.1, 0.001 + (i / 160) * 0.6, false, '' FROM generate_series(0, {count - 1}) AS i"
    )
    city.run("NOTIFY chengyun_layer, 'air_quality_city'")
    try:
        zoom0 = "/collections/air_quality.city/tiles/WebMercatorQuad/0/0/0"
        decoded = _decode(city.get(zoom0).content)
        assert 1_000 < len(decoded) <= tiles.MOST
        # Rows come in order, so a cell's first is its lowest; every cell has one and only one.
        rows = city.run("SELECT id, lon, lat FROM air_quality_city WHERE lon IS NOT NULL ORDER BY id")
        first: dict[tuple[int, int], int] = {}
        for row, lon, lat in rows:
            x, y = _at({"lon": lon, "lat": lat}, 0)
            first.setdefault((math.floor(x * tiles.CELLS), math.floor(y * tiles.CELLS)), row)
        assert set(decoded) == set(first.values())
        quarter = _decode(city.get("/collections/air_quality.city/tiles/WebMercatorQuad/2/1/2").content)
        assert len([xy for xy in quarter.values() if all(0 <= part < mvt.EXTENT for part in xy)]) == len(
            [1 for _row, lon, lat in rows if tuple(map(math.floor, _at({"lon": lon, "lat": lat}, 2))) == (2, 1)]
        )
    finally:
        city.run(before + "DELETE FROM air_quality_city WHERE name = 'c'")
        city.run("NOTIFY chengyun_layer, 'air_quality_city'")
    assert keep == city.rows[-1]["id"]


def _at(row: dict, zoom: int) -> tuple[float, float]:
    """Return where a row lies, in tiles of a zoom from the north-west corner of the world."""
    x = (row["lon"] + 180) / 360
    y = 0.5 - math.asinh(math.tan(math.radians(row["lat"]))) / (2 * math.pi)
    return x * 2**zoom, y * 2**zoom


def _decode(body: bytes) -> dict[int, tuple[int, int]]:
    """Return id → position of a tile of points, read without the code that wrote it."""

    def varint(at: int) -> tuple[int, int]:
        number = shift = 0
        while True:
            number |= (body[at] & 0x7F) << shift
            shift, at = shift + 7, at + 1
            if not body[at - 1] & 0x80:
                return number, at

    def fields(at: int, end: int):
        while at < end:
            key, at = varint(at)
            if key & 7 == 0:
                value, at = varint(at)
                yield key >> 3, value, at
            elif key & 7 == 1:
                yield key >> 3, None, at + 8
                at += 8
            else:
                size, at = varint(at)
                yield key >> 3, (at, at + size), at + size
                at += size

    found = {}
    for _number, layer, _at in fields(0, len(body)):
        for number, feature, _end in fields(*layer):
            if number != 2:
                continue
            told = {key: value for key, value, _end in fields(*feature)}
            assert told[3] == 1
            at, end = told[4]
            numbers = []
            while at < end:
                value, at = varint(at)
                numbers.append(value)
            assert numbers[0] == 9
            found[told[1]] = tuple((part >> 1) ^ -(part & 1) for part in numbers[1:])
    return found
