# SPDX-License-Identifier: Apache-2.0
"""Bodies as broken senders make them: valid ones, changed by seeded chance in values, shape, bytes or encoding."""

from __future__ import annotations

import gzip
import json
import random
from typing import Any

import zstandard

CELLS: list[Any] = [
    None, True, False, "", "35", "—", "NaN", "\x00", "\u202e", "x" * 5_000, 0, -0.0, -1, 10**400, -(10**30), 2**63, 1e308, -1e308,
    5e-324, 99999, 35_000, [], [[[]]], {}, {"value": 35}, [1, 2],
]  # fmt: skip
TIMES: list[Any] = [
    None, True, 0, -1, 1, 2**53, 2**63, -(2**63), 10**40, 1_763_683_200, 1.7e12, "", "now", "1970-01-01T00:00:00Z",
    "1980-01-06T00:00:00+08:00", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-02-30T00:00:00Z",
    "2026-11-21T08:00:00", "2026-11-21", "2026-11-21T08:00:00+99:00", "20261121T080000Z", "2026-W47-6T08:00:00Z", "\x00", [], {},
]  # fmt: skip
KEYS: list[Any] = [None, 7, True, "", "\x00", "'; DROP TABLE lake_stream; --", "nobody", "x" * 300, [], {"key": "x"}, "\ud7ff"]
NAMES = ["pm2.5", "PM25", "time", "", "station ", "__proto__", "quality", "x" * 500]
QUANTITIES = ["so2", "no2", "co", "o3", "pm10", "pm25"]


def body(chance: random.Random, keys: list[str], now_ms: int) -> tuple[bytes, dict[str, str]]:
    """Return a body and its headers."""
    rows = [_row(chance, keys, now_ms) for _ in range(chance.choice([1, 1, 2, 5, 20]))]
    if chance.random() < 0.6:
        for _ in range(chance.randint(1, 3)):
            _spoil(chance, rows)
    found: Any = _shaped(chance, rows)
    if chance.random() < 0.15:
        found = _misshapen(chance, found)
    content = json.dumps(found, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")
    if chance.random() < 0.2:
        content = _bitten(chance, content)
    return _encoded(chance, content)


def count(content: bytes, headers: dict[str, str]) -> int | None:
    """Return how many rows a body holds; None when only its reader can tell."""
    if headers.get("Content-Encoding") == "gzip":
        content = gzip.decompress(content)
    elif headers.get("Content-Encoding") == "zstd":
        content = zstandard.decompress(content)
    found = json.loads(content)
    match found:
        case {"rows": rows}:
            return len(rows)
        case {"columns": columns}:
            return len(next(iter(columns.values()), []))
        case list():
            return len(found)
        case _:
            return 1


def _row(chance: random.Random, keys: list[str], now_ms: int) -> dict[str, Any]:
    values = {key: round(chance.uniform(1, 120), 1) for key in chance.sample(QUANTITIES, chance.randint(0, 6))}
    return {"station": chance.choice(keys), "start": now_ms - 60_000 * chance.randint(0, 5000), **values}


def _spoil(chance: random.Random, rows: list[dict[str, Any]]) -> None:
    row = chance.choice(rows)
    match chance.randint(0, 6):
        case 0:
            row["start"] = chance.choice(TIMES)
        case 1:
            row["station"] = chance.choice(KEYS)
        case 2 | 3:
            row[chance.choice(QUANTITIES)] = chance.choice(CELLS)
        case 4:
            row.pop(chance.choice(list(row)), None)
        case 5:
            row["start"] = row.get("start")
            rows.append(dict(row))
        case _ if chance.random() < 0.3:
            row[chance.choice(NAMES)] = 1


def _shaped(chance: random.Random, rows: list[dict[str, Any]]) -> Any:
    names = list(dict.fromkeys(name for row in rows for name in row)) or ["station"]
    match chance.randint(0, 2):
        case 0:
            return {"columns": {name: [row.get(name) for row in rows] for name in names}}
        case 1:
            return {"columns": names, "rows": [[row.get(name) for name in names] for row in rows]}
        case _:
            return rows[0] if len(rows) == 1 and chance.random() < 0.5 else rows


def _misshapen(chance: random.Random, found: Any) -> Any:
    match chance.randint(0, 6):
        case 0:
            return chance.choice([None, 1, "x", True, [], {}, [[]], [None], {"columns": {}}, {"columns": [], "rows": []}])
        case 1 if isinstance(found, dict) and isinstance(found.get("columns"), dict) and found["columns"]:
            found["columns"][next(iter(found["columns"]))] = chance.choice([[], None, {}, "x", [1]])
            return found
        case 2 if isinstance(found, dict):
            return found | {chance.choice(["rows", "columns", "extra"]): chance.choice([[], {}, None, [[1]], "x"])}
        case 3:
            return [found]
        case 4 if isinstance(found, list):
            return [*found, chance.choice([None, [], 5, "row", [{}]])]
        case 5:
            for _ in range(chance.choice([5, 200])):
                found = [found]
            return found
        case _:
            return {"data": found}


def _bitten(chance: random.Random, content: bytes) -> bytes:
    at = chance.randrange(len(content)) if content else 0
    return chance.choice(
        [
            content[:at],
            content[:at] + chance.randbytes(3) + content[at:],
            b"\xef\xbb\xbf" + content,
            content.decode("utf-8", "replace").encode("utf-16"),
            b"",
            b"[" * 5_000,
            b'{"a":' * 5_000,
            content + content,
            content.replace(b"1", b"1e999", 1),
            content.replace(b"1", b"NaN", 1),
            content.replace(b"1", b"01", 1),
        ]
    )


def _encoded(chance: random.Random, content: bytes) -> tuple[bytes, dict[str, str]]:
    match chance.randint(0, 19):
        case 0 | 1:
            return gzip.compress(content), {"Content-Encoding": "gzip"}
        case 2 | 3:
            return zstandard.compress(content), {"Content-Encoding": "zstd"}
        case 4:
            return content, {"Content-Encoding": chance.choice(["gzip", "zstd", "br", "deflate"])}
        case 5:
            return gzip.compress(content)[:-5], {"Content-Encoding": "gzip"}
        case _:
            return content, {}
