# SPDX-License-Identifier: Apache-2.0
"""Measurements of intake: a burst of reports over HTTP, each validated, located, looked for twins, filed and committed."""

from __future__ import annotations

import json
import subprocess
import sys

import msgspec

from chengyun.bench.frame import Bench, Result
from chengyun.bench.place import Place, open_place
from chengyun.cases.intake.burst import Orders, Told
from chengyun.errors import Unavailable

RATE_PER_S = 200
LASTS_S = 20.0
WARM_S = 5.0
CONNECTIONS = 32
"""Open at a time: a burst is many people, not one fast one."""

LOOK = """
import json
from chengyun.areas.queries import areas_on
from chengyun.cases.intake.catalogue import categories
from chengyun.config import config
near = [row for row in areas_on(level="district") if row.lon is not None and row.code.startswith(config().city[:4])]
one = near[0]
print(json.dumps({"box": [one.lon - 0.05, one.lat - 0.05, one.lon + 0.05, one.lat + 0.05],
                  "categories": [it.code for _name, group in categories() for it in group][:60]}))
"""
"""A box around the first district's own point, so that every place drawn is in the city."""


def case_intake() -> list[Result]:
    """Return how many reports a second are filed, and how long one takes when 200 a second come."""
    with open_place(env={"CHENGYUN_DEMO": "0"}) as place:
        orders = orders_for(place)
        burst(msgspec.structs.replace(orders, run="warm", seconds=WARM_S))
        fast = burst(msgspec.structs.replace(orders, run="fast", seconds=LASTS_S))
        steady = burst(msgspec.structs.replace(orders, run="steady", seconds=LASTS_S, rate=float(RATE_PER_S)))
    for told in (fast, steady):
        if told.failures:
            raise Unavailable(f"{told.failures} of {told.sent} reports were not filed: {told.first_failure}")
    joined = {"joined": f"{fast.joined / fast.filed:.1%}", "p99": f"{fast.within(0.99):.0f} ms"}
    at_rate = {"median": f"{steady.within(0.5):.0f} ms", "filed": f"{steady.filed / steady.seconds:.0f}/s"}
    return [
        Result(
            name="case-intake", value=fast.filed / fast.seconds, unit="reports/s", target=200, better="higher", compared=joined,
            notes=f"Filed over HTTP, {CONNECTIONS} connections, as fast as answers come, {LASTS_S:.0f} s; a fifth repeats.",
        ),
        Result(
            name="case-intake-p99", value=steady.within(0.99), unit="ms", target=500, compared=at_rate,
            notes=f"99th percentile from when each was due, at {RATE_PER_S} reports/s for {LASTS_S:.0f} s.",
        ),
    ]  # fmt: skip


def orders_for(place: Place) -> Orders:
    """Return orders for an installation, with a key made there."""
    known = json.loads(place.django(LOOK))
    return Orders(
        port=place.port, token=place.token("report"), categories=known["categories"], box=tuple(known["box"]),
        connections=CONNECTIONS, seconds=LASTS_S,
    )  # fmt: skip


def burst(orders: Orders) -> Told:
    """Send a burst from a process of its own and return what it was told."""
    command = [sys.executable, "-m", "chengyun.cases.intake.burst"]
    done = subprocess.run(command, input=msgspec.json.encode(orders), capture_output=True, timeout=600)
    if done.returncode:
        raise Unavailable(f"The burst did not run: {done.stderr.decode()[-500:]}")
    return msgspec.json.decode(done.stdout.splitlines()[-1], type=Told)


BENCHES: dict[str, Bench] = {"case-intake": case_intake}
