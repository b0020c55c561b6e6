# SPDX-License-Identifier: Apache-2.0
"""A census file as it was sent: CSV, workbook, GeoJSON, Shapefile or GeoPackage, read by the readers of every source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from chengyun.access.actors import Actor, actor_of
from chengyun.access.views import needs
from chengyun.cases.components import census as census_of
from chengyun.cases.components.census import Mistake, Taken
from chengyun.city.models import ComponentRegister
from chengyun.errors import Refused
from chengyun.standards.coordinates import CRS, crs_name, to_wgs84
from chengyun.web.desk.deeds import Fault, attempt

if TYPE_CHECKING:
    from chengyun.collect.pull.formats.tables import Kind

MOST_BYTES = 512 * 1024 * 1024
HEADINGS: Mapping[str, tuple[str, ...]] = {
    "key": ("code", "部件编码", "部件标识码", "标识码", "编码"),
    "category": ("类别", "小类", "小类代码"),
    "name": ("部件名称", "名称"),
    "lon": ("lng", "longitude", "x", "经度"),
    "lat": ("latitude", "y", "纬度"),
    "state": ("部件状态", "状态"),
    "owner": ("权属单位", "权属单位名称", "主管部门"),
    "keeper": ("养护单位", "养护单位名称"),
    "address": ("地址", "位置", "位置描述"),
    "installed": ("安装日期", "初始日期", "设置日期"),
    "inspected_at": ("检查时间", "普查时间", "变更日期"),
    "catalog_version": ("目录版本",),
}
"""What columns are called in such files; letters' case, widths and spaces do not count."""
KINDS: Mapping[str, Kind] = {"lon": "number", "lat": "number", "installed": "day", "inspected_at": "moment"}


@dataclass(frozen=True)
class CensusPage:
    """taken: what the file did; None before one was sent. systems: of coordinates, to choose from."""

    systems: tuple[str, ...]
    headings: Mapping[str, tuple[str, ...]]
    states: tuple[str, ...]
    taken: Taken | None
    file: str
    fault: Fault | None


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@needs("component.manage")
def census(request: HttpRequest) -> HttpResponse:
    """Take a census file into the register, and say what was wrong in it."""
    fault, made = None, []
    sent = request.FILES.get("file")
    if request.method == "POST":

        def do() -> None:
            if sent is None or sent.file is None:
                raise Refused(_("请选择文件。"), code="file")
            made.append(take(cast("BinaryIO", sent.file), str(sent.name), request.POST.get("crs", "") or None, actor_of(request)))

        fault = attempt(request, "census", do)
    words = tuple(str(word) for _value, word in ComponentRegister.State.choices)
    page = CensusPage(CRS, HEADINGS, words, made[0] if made else None, str(sent.name) if sent else "", fault)
    return render(request, "parts/census.html", {"page": page}, status=fault.status if fault else 200)


def take(file: BinaryIO, name: str, crs: str | None, actor: Actor) -> Taken:
    """Read a file and take it into the register. Raises Refused or Malformed for a file that cannot be read at all."""
    unread: list[Mistake] = []
    taken = census_of.take(_rows(file, name, crs, unread), name, actor, timezone.now())
    for one in unread:
        taken.tell(one)
    taken.mistakes.sort(key=lambda one: one.line)
    return taken


def _rows(file: BinaryIO, name: str, crs: str | None, unread: list[Mistake]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield the rows of a file with their lines, places in WGS-84. unread: gathers the cells that could not be read."""
    from chengyun.collect.pull.formats import LINE, ColumnShape, Options, TableShape, format_of, read_table

    file.seek(0)
    kind_of = format_of(file, name)
    file.seek(0)
    shape = TableShape(
        columns=[ColumnShape(key=key, kind=KINDS.get(key, "text"), names=names) for key, names in HEADINGS.items()]
    )
    options = Options(
        shape=None if kind_of == "places" else shape, crs=crs if kind_of == "places" else None, most_bytes=MOST_BYTES
    )
    if kind_of != "places" and crs is None:
        raise Refused(_("请说明坐标系：表格里的经纬度看不出是哪一种。"), code="crs")
    for table in read_table(file, name, options):
        own = {heading.casefold(): key for key, names in HEADINGS.items() for heading in (key, *names)}
        for batch in table.batches:
            for row in batch.to_pylist():
                line = int(row.pop(LINE))
                if kind_of == "places":
                    row = _placed({own.get(str(key).casefold(), key): value for key, value in row.items()})
                elif crs is not None:
                    row = _moved(row, crs)
                yield line, row
        unread += [Mistake(one.line, one.column or one.address, one.found, one.expected, False) for one in table.faults]


def _placed(row: dict[str, Any]) -> dict[str, Any]:
    """Return a feature as a row: the place of a thing that is not a point is a point on it."""
    import shapely

    shape = row.pop("geometry", None)
    if shape is not None:
        point = shapely.from_wkb(shape)
        point = point if point.geom_type == "Point" else point.representative_point()
        if not point.is_empty:
            row |= {"lon": point.x, "lat": point.y}
    return row


def _moved(row: dict[str, Any], crs: str) -> dict[str, Any]:
    lon, lat = row.get("lon"), row.get("lat")
    if crs_name(crs) in ("WGS-84", "CGCS2000") or lon is None or lat is None or not (-180 <= lon <= 180 and -90 <= lat <= 90):
        return row
    east, north = to_wgs84(lon, lat, crs_name(crs))
    return row | {"lon": float(east), "lat": float(north)}
