# SPDX-License-Identifier: Apache-2.0
"""Layers of places: GeoJSON, Shapefile (zipped), GeoPackage and KML, by GDAL (pyogrio), brought to WGS-84.

The coordinate system must be stated, by the file or by whoever sends it: the two in common use here lie half a kilometre apart.
GeoJSON and KML are WGS-84 by their standards, and yet many of them are not, so they need the word of their sender too.
GDAL knows formats that fetch what they name, so a file is opened only when its first bytes are those of its kind.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from chengyun.collect.pull.formats.archives import CHUNK, is_zip, open_member, open_zip
from chengyun.collect.pull.formats.cells import ARROW
from chengyun.collect.pull.formats.options import Options
from chengyun.collect.pull.formats.tables import LINE, Column, Fault, Findings, Table
from chengyun.errors import Malformed, Refused, nearest
from chengyun.standards.coordinates import crs_name, to_wgs84

__all__ = ["read_places"]

SHAPE_PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")
Convert = Callable[[Any], Any]


def read_places(file: BinaryIO, name: str, options: Options) -> Iterator[Table]:
    """Yield a table for every layer; its last column but one is the geometry, WKB in WGS-84.

    Layers nobody can place are told together in the end, by Malformed: the others have been yielded then.
    """
    astray: list[Malformed] = []
    with tempfile.TemporaryDirectory(prefix="chengyun-places-") as folder:
        for path in _unpacked(file, name, Path(folder), options):
            yield from _layers(path, name, options, astray)
    if astray:
        raise Malformed(" ".join(dict.fromkeys(one.sentence for one in astray)), code="crs", file=name)


def _unpacked(file: BinaryIO, name: str, folder: Path, options: Options) -> Iterator[Path]:
    """Yield the files GDAL shall open, each under a name of ours in a folder of ours."""
    if not is_zip(file):
        path = folder / f"layer{_kind_by_bytes(file, name)}"
        with path.open("wb") as copy:
            shutil.copyfileobj(file, copy, CHUNK)
        yield path
        return
    with open_zip(file, name, options.most_bytes) as archive:
        members = {it.lower(): it for it in archive.namelist()}
        for number, lower in enumerate(it for it in sorted(members) if it.endswith((".shp", ".geojson", ".gpkg", ".kml"))):
            stem, _, suffix = lower.rpartition(".")
            parts = [f"{stem}{it}" for it in SHAPE_PARTS] if suffix == "shp" else [lower]
            for part in parts:
                if part in members:
                    path = folder / f"layer{number}.{part.rpartition('.')[2]}"
                    with open_member(archive, members[part], name) as packed, path.open("wb") as copy:
                        shutil.copyfileobj(packed, copy, CHUNK)
            path = folder / f"layer{number}.{suffix}"
            with path.open("rb") as copy_:
                if _kind_by_bytes(copy_, name) != f".{suffix}":
                    raise Malformed(f"{name}: {members[lower][:80]} in it is not what its name says.", code="format", file=name)
            yield path


def _kind_by_bytes(file: BinaryIO, name: str) -> str:
    file.seek(0)
    head = file.read(65_536)
    file.seek(0)
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith(b"SQLite format 3\0"):
        return ".gpkg"
    if head.startswith(b"\x00\x00\x27\x0a"):
        return ".shp"
    if start.startswith(b"{"):
        return ".geojson"
    if (
        start.startswith(b"<")
        and b"<kml" in start
        and b"VRT" not in start
        and b"<!ENTITY" not in start
        and b"<!DOCTYPE" not in start
    ):
        return ".kml"
    raise Malformed(
        f"{name} is not GeoJSON, Shapefile, GeoPackage or KML. A Shapefile comes as a zip of its parts.", code="format", file=name
    )


def _layers(path: Path, name: str, options: Options, astray: list[Malformed]) -> Iterator[Table]:
    import pyogrio
    from pyogrio.errors import DataLayerError, DataSourceError

    try:
        layers = [str(it) for it in pyogrio.list_layers(path)[:, 0]]
        if options.layer is not None and options.layer not in layers:
            raise Refused(
                f"{name} has no layer {options.layer!r}.{nearest(options.layer, layers)} Layers: {', '.join(layers)}.",
                code="layer",
            )
        for layer in layers:
            if options.layer not in (None, layer):
                continue
            try:
                table = _table(pyogrio, path, layer, name, options)
            except Malformed as wrong:
                astray.append(wrong)
                continue
            yield table
    except (DataSourceError, DataLayerError) as wrong:
        raise Malformed(f"{name} cannot be read: {str(wrong).replace(str(path), name)}.", code="places", file=name) from wrong


def _table(pyogrio: Any, path: Path, layer: str, name: str, options: Options) -> Table:
    info = pyogrio.read_info(path, layer=layer, encoding=options.encoding)
    title = layer if not layer.startswith("layer") else name
    convert = _conversion(info["crs"], path.suffix, name if title == name else f"{name}, layer {title}", options)
    columns = [Column(str(it), _KINDS.get(str(kind), "text")) for it, kind in zip(info["fields"], info["dtypes"], strict=True)]
    columns.append(Column("geometry", "geometry"))
    findings = Findings(options.most_faults)
    return Table(title, tuple(columns), _batches(pyogrio, path, layer, columns, convert, title, options, findings), findings)


_KINDS: dict[str, Any] = {
    "int32": "integer", "int64": "integer", "int16": "integer", "float32": "number", "float64": "number", "bool": "flag",
    "datetime64[D]": "day", "datetime64[ms]": "moment",
}  # fmt: skip


def _batches(
    pyogrio: Any,
    path: Path,
    layer: str,
    columns: list[Column],
    convert: Convert,
    title: str,
    options: Options,
    findings: Findings,
) -> Iterator[pa.RecordBatch]:
    schema = pa.schema([pa.field(it.name, ARROW[it.kind]) for it in columns] + [pa.field(LINE, pa.int64())])
    before = 0
    with pyogrio.raw.open_arrow(path, layer=layer, encoding=options.encoding, batch_size=options.rows, use_pyarrow=True) as (
        meta,
        reader,
    ):
        place = meta["geometry_name"] or "wkb_geometry"
        for batch in reader:
            arrays = [_column(batch[it.name], it, options) for it in columns[:-1]]
            arrays.append(_geometry(batch[place], convert, title, before, findings))
            lines = pa.array(range(before + 1, before + batch.num_rows + 1), pa.int64())
            before += batch.num_rows
            findings.rows += batch.num_rows
            yield pa.RecordBatch.from_arrays([*arrays, lines], schema=schema)


def _column(array: pa.Array, column: Column, options: Options) -> pa.Array:
    if column.kind == "moment" and array.type.tz is None:
        import pyarrow.compute as pc

        array = pc.assume_timezone(array.cast(pa.timestamp("us")), options.zone, ambiguous="earliest", nonexistent="earliest")
    return array.cast(ARROW[column.kind])


def _geometry(array: pa.Array, convert: Convert, title: str, before: int, findings: Findings) -> pa.Array:
    import shapely

    shapes = shapely.from_wkb(array.to_numpy(zero_copy_only=False), on_invalid="ignore")
    shapes = shapely.force_2d(shapely.transform(shapes, convert, include_z=False))
    bounds = shapely.bounds(shapes)
    with np.errstate(invalid="ignore"):
        out = (
            (np.abs(bounds[:, [0, 2]]) > 180).any(axis=1)
            | (np.abs(bounds[:, [1, 3]]) > 90).any(axis=1)
            | np.isinf(bounds).any(axis=1)
        )
    for index in np.flatnonzero(out).tolist():
        line = before + index + 1
        found = ", ".join(f"{it:.6g}" for it in bounds[index])
        wanted = "degrees within -180 to 180 and -90 to 90"
        place = f"feature {line}"
        findings.add(Fault("degrees", title, line, "geometry", place, f"bounds {found}", wanted, "State its coordinate system"))
        shapes[index] = None
    empty = shapely.is_missing(shapes) & ~out
    for index in np.flatnonzero(empty).tolist():
        line = before + index + 1
        findings.add(Fault("geometry", title, line, "geometry", f"feature {line}", "no geometry", "one"))
    return pa.array(shapely.to_wkb(shapes), pa.binary())


def _conversion(stated: str | None, suffix: str, name: str, options: Options) -> Convert:
    """Return what brings points of shape (n, 2) to WGS-84.

    Raises Malformed where nobody states the system, or the file one that is not known or not as said; Refused where what was said
    is none.
    """
    said = options.crs
    if said is None:
        if stated is None or suffix in (".geojson", ".kml"):
            by = " GeoJSON and KML should be WGS-84; here many are GCJ-02." if suffix in (".geojson", ".kml") else ""
            raise Malformed(
                f"{name} does not state its coordinate system for certain.{by} Give crs, e.g. WGS-84, GCJ-02 or EPSG:4490.",
                code="crs",
            )
        said = stated
    elif stated is not None and suffix not in (".geojson", ".kml") and not _same(said, stated):
        raise Malformed(f"{name} states {stated[:60]}, and crs says {said}. Leave crs out, or mend the file.", code="crs")
    try:
        known = crs_name(said)
    except ValueError:
        return _projected(said, name, Malformed if options.crs is None else Refused)
    return lambda points: np.column_stack(to_wgs84(points[:, 0], points[:, 1], known))


def _same(said: str, stated: str) -> bool:
    import pyproj

    # Maps in GCJ-02 and BD-09 have no code of their own and are labelled WGS-84.
    if said.upper().startswith(("GCJ", "BD")):
        return True
    try:
        return bool(pyproj.CRS.from_user_input(_plain(said)).equals(pyproj.CRS.from_user_input(stated), ignore_axis_order=True))
    except pyproj.exceptions.CRSError:
        return False


def _plain(said: str) -> str:
    return {"WGS-84": "EPSG:4326", "CGCS2000": "EPSG:4490"}.get(said, said)


def _projected(said: str, name: str, otherwise: type[Malformed | Refused]) -> Convert:
    import pyproj

    try:
        transformer = pyproj.Transformer.from_crs(pyproj.CRS.from_user_input(said), "EPSG:4326", always_xy=True)
    except pyproj.exceptions.CRSError as wrong:
        raise otherwise(
            f"{name}: {said[:60]!r} is not a coordinate system that is known. Give e.g. EPSG:4549.", code="crs"
        ) from wrong
    return lambda points: np.column_stack(transformer.transform(points[:, 0], points[:, 1]))
