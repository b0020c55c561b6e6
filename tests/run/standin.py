# SPDX-License-Identifier: Apache-2.0
"""`chengyun up` with small programs in place of the real ones: `python standin.py MIGRATION`.

MIGRATION: the last line the migration prints, or SLOW for one that never ends.
STANDIN_ZYGOTE: what a zygote loads for them (`standin_parts:nothing`); they are started alone without it.
What the supervisor promises does not depend on what it supervises, and this starts in a second.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from chengyun.config import config
from chengyun.errors import Problem
from chengyun.run.folder import explained
from chengyun.run.supervisor import up


def programs(migration: str) -> dict[str, list[str]]:
    here = str(Path(__file__).parent)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH"))))
    part = [sys.executable, "-m", "standin_parts"]
    made = {
        "migrate": [*part, "sleep"] if migration == "SLOW" else [*part, "say", migration],
        "web": [*part, "serve", "CHENGYUN_PORT"],
        "stream": [*part, "serve", "CHENGYUN_STREAM_PORT"],
        "protocols": [*part, "serve", "CHENGYUN_PROTOCOLS_PORT"],
        "jobs": [*part, "sleep"],
    }
    if target := os.environ.get("STANDIN_ZYGOTE"):
        made["zygote"] = [sys.executable, "-m", "chengyun.run.zygote", target]
    return made


if __name__ == "__main__":
    try:
        with explained():
            sys.exit(up(config(), programs(sys.argv[1])))
    except Problem as problem:
        print(problem.sentence, file=sys.stderr)
        sys.exit(1)
