# SPDX-License-Identifier: Apache-2.0
"""Making, changing and deleting entities, each request in one transaction of the caller's.

Standard: OGC 18-088, clause 10. A Thing that gets Locations gets a HistoricalLocation of that moment; what hangs on a
deleted entity goes with it (table 25).
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from psycopg import AsyncConnection, sql
from psycopg.rows import TupleRow

from chengyun.errors import Malformed, NotFound
from chengyun.protocols.sensorthings.bodies import Entity, Reference, read_entity
from chengyun.protocols.sensorthings.kinds import KINDS, Form, Kind, Link, kind_of
from chengyun.protocols.sensorthings.observing import Numbers, Row, find_features, lock, recount, widen, write

__all__ = ["Writing"]

Connection = AsyncConnection[TupleRow]
JSON = (Form.JSON, Form.OBJECT, Form.LIST, Form.GEOMETRY)


class Writing:
    """One request's changes. told: (kind, id, names of what changed or None for a new one), for subscribers."""

    def __init__(self, conn: Connection, numbers: Numbers, now: dt.datetime) -> None:
        self._conn, self._numbers, self._now = conn, numbers, now
        self.told: list[tuple[str, int, list[str] | None]] = []
        self._waiting: list[Row] = []

    async def create(self, kind: Kind, body: Any, given: dict[str, int] | None = None) -> int:
        """Make an entity with all that its body holds; return its id. given: link → id, said by the path."""
        number = await self._create(kind, body, given or {})
        await self._flush()
        return number

    async def update(self, kind: Kind, number: int, body: Any, *, whole: bool) -> None:
        """Change what the body names, or with `whole` everything. Raises NotFound."""
        entity = read_entity(kind, body, whole=whole, relink=True)
        await self._hold(kind, number)
        before = await self._observed(kind, number)
        columns = dict(entity.columns)
        if kind.name == "Observation" and columns.get("phenomenon_start", self._now) is None:
            columns |= {"phenomenon_start": self._now, "phenomenon_end": None}
        for name, held in entity.links.items():
            link = kind.links_by_name[name]
            if not link.many:
                reference = held[0]
                assert isinstance(reference, Reference)
                await self._exists(kind_of(link), reference.id)
                columns[link.column] = reference.id
        if columns:
            await self._update_row(kind, number, columns)
        for name, held in entity.links.items():
            link = kind.links_by_name[name]
            if link.many:
                await self._relink(kind, number, link, [it.id for it in held if isinstance(it, Reference)])
        if kind.name == "Observation":
            await recount(self._conn, sorted(before | await self._observed(kind, number)))
        elif kind.name == "FeatureOfInterest" and "bounds" in columns:
            cursor = await self._conn.execute(
                "SELECT datastream_id FROM sensorthings_featuretally WHERE feature_id = %s", [number]
            )
            touched = [int(row[0]) for row in await cursor.fetchall()]
            await lock(self._conn, touched)
            await widen(self._conn, touched)
        self.told.append((kind.name, number, [*(it for it in body if it in kind.by_name)]))

    async def delete(self, kind: Kind, number: int) -> None:
        """Delete an entity and what hangs on it. Raises NotFound."""
        await self._hold(kind, number)
        await self.delete_many(kind, [number])

    async def delete_many(self, kind: Kind, numbers: list[int]) -> None:
        """Delete entities and what hangs on them."""
        match kind.name:
            case "Observation":
                cursor = await self._run(
                    "SELECT DISTINCT datastream_id FROM sensorthings_observation WHERE id = ANY(%s)", numbers
                )
                touched = sorted(int(row[0]) for row in await cursor.fetchall())
                await lock(self._conn, touched)
                await self._run("DELETE FROM sensorthings_observation WHERE id = ANY(%s)", numbers)
                await recount(self._conn, touched)
            case "FeatureOfInterest":
                cursor = await self._run(
                    "SELECT DISTINCT datastream_id FROM sensorthings_featuretally WHERE feature_id = ANY(%s)", numbers
                )
                touched = sorted(int(row[0]) for row in await cursor.fetchall())
                await lock(self._conn, touched)
                await self._conn.execute(
                    "DELETE FROM sensorthings_observation WHERE datastream_id = ANY(%s) AND feature_id = ANY(%s)",
                    [touched, numbers],
                )
                await self._run("DELETE FROM sensorthings_featuretally WHERE feature_id = ANY(%s)", numbers)
                await self._run("UPDATE sensorthings_location SET generated_id = NULL WHERE generated_id = ANY(%s)", numbers)
                await self._run("DELETE FROM sensorthings_feature WHERE id = ANY(%s)", numbers)
                await recount(self._conn, touched)
            case "Datastream" | "MultiDatastream":
                await lock(self._conn, numbers)
                await self._run("DELETE FROM sensorthings_observation WHERE datastream_id = ANY(%s)", numbers)
                await self._run("DELETE FROM sensorthings_featuretally WHERE datastream_id = ANY(%s)", numbers)
                await self._run("DELETE FROM sensorthings_tally WHERE datastream_id = ANY(%s)", numbers)
                await self._run("DELETE FROM sensorthings_multiproperty WHERE multi_id = ANY(%s)", numbers)
                await self._run("DELETE FROM sensorthings_datastream WHERE id = ANY(%s)", numbers)
            case "HistoricalLocation":
                await self._run("DELETE FROM sensorthings_pastlocation WHERE past_id = ANY(%s)", numbers)
                await self._run("DELETE FROM sensorthings_past WHERE id = ANY(%s)", numbers)
            case "Location":
                await self._follow("SELECT past_id FROM sensorthings_pastlocation WHERE location_id = ANY(%s)", numbers,
                                   KINDS["HistoricalLocation"])  # fmt: skip
                await self._run("DELETE FROM sensorthings_thinglocation WHERE location_id = ANY(%s)", numbers)
                await self._run("DELETE FROM sensorthings_location WHERE id = ANY(%s)", numbers)
            case "Thing":
                await self._follow(
                    "SELECT id FROM sensorthings_datastream WHERE thing_id = ANY(%s)", numbers, KINDS["Datastream"]
                )
                await self._follow(
                    "SELECT id FROM sensorthings_past WHERE thing_id = ANY(%s)", numbers, KINDS["HistoricalLocation"]
                )
                await self._run("DELETE FROM sensorthings_thinglocation WHERE thing_id = ANY(%s)", numbers)
                await self._run("DELETE FROM sensorthings_thing WHERE id = ANY(%s)", numbers)
            case "Sensor":
                await self._follow(
                    "SELECT id FROM sensorthings_datastream WHERE sensor_id = ANY(%s)", numbers, KINDS["Datastream"]
                )
                await self._run("DELETE FROM sensorthings_sensor WHERE id = ANY(%s)", numbers)
            case "ObservedProperty":
                await self._follow(
                    "SELECT id FROM sensorthings_datastream WHERE observed_property_id = ANY(%(ids)s) UNION"
                    " SELECT multi_id FROM sensorthings_multiproperty WHERE property_id = ANY(%(ids)s)",
                    numbers, KINDS["Datastream"],
                )  # fmt: skip
                await self._run("DELETE FROM sensorthings_multiproperty WHERE property_id = ANY(%s)", numbers)
                await self._run("DELETE FROM sensorthings_property WHERE id = ANY(%s)", numbers)

    # --- making -------------------------------------------------------------------------------------------------------

    async def _create(self, kind: Kind, body: Any, given: dict[str, int]) -> int:
        entity = read_entity(kind, body, whole=True, given=frozenset(given))
        columns = entity.columns
        for name, number in given.items():
            link = kind.links_by_name[name]
            if not link.many:
                entity.links[name] = [Reference(number)]
            else:
                entity.links.setdefault(name, []).append(Reference(number))
        for name, held in entity.links.items():
            link = kind.links_by_name[name]
            if not link.many:
                columns[link.column] = await self._one(link, held[0])
        if kind.name == "Observation":
            return await self._observe(columns)
        if kind.name == "MultiDatastream":
            columns["multi"] = True
            self._check_parts(entity)
        number = await self._insert(kind, columns)
        if kind.table == "datastream":
            await self._conn.execute("INSERT INTO sensorthings_tally (datastream_id, observations) VALUES (%s, 0)", [number])
        self.told.append((kind.name, number, None))
        for name, held in entity.links.items():
            if kind.links_by_name[name].many:
                await self._many(kind, number, kind.links_by_name[name], held)
        if kind.name == "HistoricalLocation":
            await self._now_there(columns["thing_id"], number, columns["time"])
        return number

    async def _one(self, link: Link, held: Reference | dict[str, Any]) -> int:
        """Return the id of what a link to one leads to, made if it is a body."""
        if isinstance(held, Reference):
            await self._exists(kind_of(link), held.id)
            return held.id
        return await self._create(kind_of(link), held, {})

    async def _many(self, kind: Kind, number: int, link: Link, held: list[Reference | dict[str, Any]]) -> None:
        other = kind_of(link)
        if link.through is None:
            back = next(it for it in other.links if not it.many and it.column == link.column and it.to == kind.name)
            for one in held:
                if isinstance(one, Reference):
                    await self._hold(other, one.id)
                    await self._update_row(other, one.id, {link.column: number})
                elif other.name == "Observation":
                    self._waiting.append(await self._observation(one, {back.name: number}))
                else:
                    await self._create(other, one, {back.name: number})
            return
        ids = []
        for one in held:
            if isinstance(one, Reference):
                await self._exists(other, one.id)
                ids.append(one.id)
            else:
                ids.append(await self._create(other, one, {}))
        if kind.name == "Location" and other.name == "Thing":
            for thing in ids:
                await self._move(thing, [number])
        elif kind.name == "Thing" and other.name == "Location":
            await self._move(number, ids)
        else:
            await self._tie(link, number, ids)

    async def _relink(self, kind: Kind, number: int, link: Link, ids: list[int]) -> None:
        other = kind_of(link)
        for one in ids:
            await self._exists(other, one)
        if link.through is None:
            for one in ids:
                await self._update_row(other, one, {link.column: number})
            return
        if kind.name == "Thing" and other.name == "Location":
            await self._move(number, ids)
            return
        table, near, _ = link.through
        await self._conn.execute(
            sql.SQL("DELETE FROM {} WHERE {} = %s").format(sql.Identifier(table), sql.Identifier(near)), [number]
        )
        await self._tie(link, number, ids)

    async def _tie(self, link: Link, number: int, ids: list[int]) -> None:
        assert link.through is not None
        table, near, far = link.through
        ordered = table.endswith("multiproperty")
        tied = sql.SQL("INSERT INTO {} ({}, {}{}) SELECT %s, other{} FROM unnest(%s::bigint[]) WITH ORDINALITY AS t (other, n)"
                       " ON CONFLICT DO NOTHING").format(
            sql.Identifier(table), sql.Identifier(near), sql.Identifier(far),
            sql.SQL(", position") if ordered else sql.SQL(""), sql.SQL(", n") if ordered else sql.SQL(""),
        )  # fmt: skip
        await self._conn.execute(tied, [number, ids])

    async def _move(self, thing: int, locations: list[int]) -> None:
        """Make Locations where a Thing is from now on, and note that in its history."""
        if not locations:
            return
        await self._run("DELETE FROM sensorthings_thinglocation WHERE thing_id = ANY(%s)", [thing])
        await self._tie(KINDS["Thing"].links_by_name["Locations"], thing, locations)
        past = await self._insert(KINDS["HistoricalLocation"], {"thing_id": thing, "time": self._now})
        await self._tie(KINDS["HistoricalLocation"].links_by_name["Locations"], past, locations)
        self.told.append(("HistoricalLocation", past, None))

    async def _now_there(self, thing: int, past: int, time: dt.datetime) -> None:
        """Let a HistoricalLocation that is the newest of its Thing say where the Thing is."""
        cursor = await self._conn.execute(
            "SELECT array_agg(m.location_id) FROM sensorthings_pastlocation AS m WHERE m.past_id = %(past)s AND NOT EXISTS"
            " (SELECT 1 FROM sensorthings_past AS p WHERE p.thing_id = %(thing)s AND p.time > %(time)s)",
            {"past": past, "thing": thing, "time": time},
        )
        row = await cursor.fetchone()
        if row is not None and row[0]:
            await self._run("DELETE FROM sensorthings_thinglocation WHERE thing_id = ANY(%s)", [thing])
            await self._tie(KINDS["Thing"].links_by_name["Locations"], thing, row[0])

    # --- Observations ---------------------------------------------------------------------------------------------------

    async def _observe(self, columns: dict[str, Any]) -> int:
        (row,) = await self._complete([self._row(columns)])
        (number,) = await write(self._conn, self._numbers, [row])
        self.told.append(("Observation", number, None))
        return number

    async def _observation(self, body: Any, given: dict[str, int]) -> Row:
        kind = KINDS["Observation"]
        entity = read_entity(kind, body, whole=True)
        columns = entity.columns
        for name, held in entity.links.items():
            columns[kind.links_by_name[name].column] = await self._one(kind.links_by_name[name], held[0])
        for name, number in given.items():
            columns[kind.links_by_name[name].column] = number
        return self._row(columns)

    def _row(self, columns: dict[str, Any]) -> Row:
        if columns.get("datastream_id") is None:
            raise _wrong("Observation needs a Datastream or a MultiDatastream.")
        return Row(
            columns["datastream_id"], columns.get("feature_id"), columns.get("phenomenon_start") or self._now,
            columns.get("phenomenon_end"), columns.get("result_time"), columns.get("number"), columns.get("result"),
            columns.get("result_quality"), columns.get("valid_start"), columns.get("valid_end"), columns.get("parameters"),
        )  # fmt: skip

    async def _complete(self, rows: list[Row]) -> list[Row]:
        """Lock the rows' Datastreams and find the FeatureOfInterest of those that name none."""
        there = await lock(self._conn, (row.datastream for row in rows))
        for row in rows:
            if row.datastream not in there:
                raise _wrong(f"There is no Datastream {row.datastream}.")
        without = {row.datastream for row in rows if row.feature is None}
        features = await find_features(self._conn, without) if without else {}
        for datastream in sorted(without - features.keys()):
            raise _wrong(NO_FEATURE.format(datastream))
        return [row if row.feature is not None else row._replace(feature=features[row.datastream]) for row in rows]

    async def _flush(self) -> None:
        """Write the Observations that came inside other entities, all of them at once."""
        rows, self._waiting = self._waiting, []
        if rows:
            ids = await write(self._conn, self._numbers, await self._complete(rows))
            self.told += [("Observation", number, None) for number in ids]

    async def _observed(self, kind: Kind, number: int) -> set[int]:
        """Return the Datastream of an Observation, locked."""
        if kind.name != "Observation":
            return set()
        cursor = await self._conn.execute("SELECT datastream_id FROM sensorthings_observation WHERE id = %s", [number])
        found = {int(row[0]) for row in await cursor.fetchall()}
        await lock(self._conn, found)
        return found

    # --- rows -----------------------------------------------------------------------------------------------------------

    async def _insert(self, kind: Kind, columns: dict[str, Any]) -> int:
        statement = sql.SQL("INSERT INTO {} ({}) VALUES ({}) RETURNING id").format(
            sql.Identifier(kind.sql),
            sql.SQL(", ").join(map(sql.Identifier, columns)),
            sql.SQL(", ").join(self._typed(kind, name) for name in columns),
        )
        cursor = await self._conn.execute(statement, list(columns.values()))
        row = await cursor.fetchone()
        assert row is not None
        return int(row[0])

    async def _update_row(self, kind: Kind, number: int, columns: dict[str, Any]) -> None:
        setting = sql.SQL(", ").join(sql.SQL("{} = ").format(sql.Identifier(name)) + self._typed(kind, name) for name in columns)
        statement = sql.SQL("UPDATE {} SET {} WHERE id = %s").format(sql.Identifier(kind.sql), setting)
        await self._conn.execute(statement, [*columns.values(), number])

    def _typed(self, kind: Kind, column: str) -> sql.Composable:
        if column == "bounds":
            return sql.SQL("%s::box")
        jsons = {it.column for it in kind.properties if it.form in JSON} | {"result"}
        return sql.SQL("%s::jsonb") if column in jsons else sql.SQL("%s")

    async def _hold(self, kind: Kind, number: int) -> None:
        """Lock an entity that is to change. Raises NotFound."""
        await self._find(kind, number, "FOR UPDATE", NotFound)

    async def _exists(self, kind: Kind, number: int) -> None:
        """Keep an entity from being deleted while it is linked to. Raises Malformed when it is not there."""
        await self._find(kind, number, "FOR KEY SHARE", Malformed)

    async def _find(self, kind: Kind, number: int, how: str, otherwise: type[NotFound] | type[Malformed]) -> None:
        only = f" AND {kind.only}" if kind.only else ""
        statement = sql.SQL(f"SELECT 1 FROM {{}} WHERE id = %s{only} {how}").format(  # noqa: S608
            sql.Identifier(kind.sql)
        )
        if await (await self._conn.execute(statement, [number])).fetchone() is None:
            raise otherwise(f"There is no {kind.name} {number}.", code="not_found", status=404 if otherwise is NotFound else 400)

    async def _run(self, statement: str, ids: list[int]) -> Any:
        params: Any = {"ids": ids} if "%(ids)s" in statement else [ids]
        return await self._conn.execute(statement, params)

    async def _follow(self, statement: str, ids: list[int], kind: Kind) -> None:
        found = [int(row[0]) for row in await (await self._run(statement, ids)).fetchall()]
        if found:
            await self.delete_many(kind, found)

    @staticmethod
    def _check_parts(entity: Entity) -> None:
        """A MultiDatastream's units, data types and properties are as many as the parts of its results."""
        import json

        counts = {
            "unitOfMeasurements": len(json.loads(entity.columns["unit_of_measurement"])),
            "multiObservationDataTypes": len(json.loads(entity.columns["data_types"])),
            "ObservedProperties": len(entity.links.get("ObservedProperties", [])),
        }
        if len(set(counts.values())) != 1 or not counts["ObservedProperties"]:
            said = ", ".join(f"{count} {name}" for name, count in counts.items())
            raise _wrong(f"A MultiDatastream has as many of each as its results have parts; found {said}.")


NO_FEATURE = (
    "The Thing of Datastream {} has no Location, so no FeatureOfInterest can be made for its Observations."
    " Give the Thing a Location, or the Observation a FeatureOfInterest."
)


def _wrong(sentence: str) -> Malformed:
    return Malformed(sentence, code="body", status=400)
