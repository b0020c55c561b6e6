# SPDX-License-Identifier: Apache-2.0
"""Loading a road network: of an OpenStreetMap extract the roads are kept, as OSM XML that other programs read too."""

from __future__ import annotations

import gzip
import hashlib
import re
import tempfile
from pathlib import Path
from typing import Any

from django.db import transaction

from chengyun.access import audit
from chengyun.access.actors import Actor
from chengyun.access.policy import require
from chengyun.errors import Malformed, Refused
from chengyun.govern.whatif.models import Network

__all__ = ["KINDS", "load"]

KINDS = frozenset({
    "motorway", "motorway_link", "trunk", "trunk_link", "primary", "primary_link", "secondary", "secondary_link", "tertiary",
    "tertiary_link", "unclassified", "residential", "living_street", "service", "pedestrian", "track", "footway", "path",
    "cycleway", "steps", "road",
})  # fmt: skip
"""Values of OSM's `highway` that somebody can move along."""
TAGS = frozenset({"highway", "name", "oneway", "maxspeed", "lanes", "junction", "access", "foot", "motor_vehicle", "layer"})
"""What is kept of a road; SUMO reads these, and nobody's editing history is in them."""
MOST_BYTES = 400_000_000
_KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


def load(key: str, name: str, source: str, file: Path, actor: Actor) -> Network:
    """Load a network, or load it anew. Raises Refused for a key that is none, Malformed for a file without roads."""
    require(actor, "network.load")
    if not _KEY.fullmatch(key):
        raise Refused(f"{key!r} is no key: lower-case letters, digits, - and _, at most 40.", code="key")
    if not file.is_file():
        raise Refused(f"{file} is not there. Name an .osm, .osm.gz or .osm.pbf file.", code="file")
    if file.stat().st_size > MOST_BYTES:
        raise Refused(f"{file.name} is larger than {MOST_BYTES // 10**6} MB; cut out the city first.", code="size")
    with tempfile.TemporaryDirectory() as folder:
        nodes, ways, bounds = _roads(file, Path(folder) / "roads.osm")
        if not ways:
            raise Malformed(f"{file.name} holds no roads.", code="empty", file=file.name)
        extract = gzip.compress((Path(folder) / "roads.osm").read_bytes(), 9, mtime=0)
    values = {
        "name": name[:100], "source": source[:300], "digest": hashlib.sha256(extract).hexdigest(), "extract": extract,
        "nodes": nodes, "ways": ways, "bounds": bounds,
    }  # fmt: skip
    with transaction.atomic():
        made, _new = Network.objects.update_or_create(key=key, defaults=values)
        audit.record(actor, "network.load", "whatif", key, detail={"ways": ways, "digest": made.digest})
    return made


def _roads(file: Path, to: Path) -> tuple[int, int, list[float]]:
    """Write the roads of an extract and the nodes they pass; return how many of each, and what they span."""
    try:
        import osmium  # large, and needed by nothing else
    except ModuleNotFoundError as missing:
        raise Refused("Road networks need the extra `decide`: pip install 'chengyun[decide]'.", code="missing_extra") from missing

    wanted: set[int] = set()
    ways = []
    try:
        found: Any = osmium.FileProcessor(str(file), osmium.osm.WAY)
        for way in found:
            if way.tags.get("highway") in KINDS and way.tags.get("area") != "yes" and len(way.nodes) > 1:
                refs = [node.ref for node in way.nodes]
                ways.append((way.id, refs, {tag.k: tag.v for tag in way.tags if tag.k in TAGS}))
                wanted.update(refs)
        found = osmium.FileProcessor(str(file), osmium.osm.NODE)
        places = {
            node.id: (node.location.lon, node.location.lat)
            for node in found if node.id in wanted and node.location.valid()
        }  # fmt: skip
    except RuntimeError as wrong:
        raise Malformed(f"{file.name} cannot be read as OpenStreetMap data: {wrong}.", code="osm", file=file.name) from wrong
    if not places:
        return 0, 0, []
    kept = 0
    # An extract is cut somewhere: a road goes on as far as its nodes are known.
    with osmium.SimpleWriter(str(to)) as writer:
        for ident in sorted(places):
            writer.add_node(osmium.osm.mutable.Node(id=ident, location=places[ident], version=1))
        for ident, refs, tags in ways:
            known = [ref for ref in refs if ref in places]
            if len(known) > 1:
                writer.add_way(osmium.osm.mutable.Way(id=ident, nodes=known, tags=tags, version=1))
                kept += 1
    lons, lats = [lon for lon, _ in places.values()], [lat for _, lat in places.values()]
    return len(places), kept, [min(lons), min(lats), max(lons), max(lats)]
