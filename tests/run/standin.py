# SPDX-License-Identifier: Apache-2.0
"""`chengyun up` with small programs in place of the real ones: `python standin.py MIGRATION`.

MIGRATION: the last line the migration prints, or SLOW for one that never ends.
What the supervisor promises does not depend on what it supervises, and this starts in a second.
"""

from __future__ import annotations

import sys

from chengyun.config import config
from chengyun.errors import Problem
from chengyun.run.folder import explained
from chengyun.run.supervisor import up

SERVER = """
import http.server, os, sys
if os.environ.get("STANDIN_BROKEN") == "web":
    sys.exit("no such page.")
class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.send_header("Content-Length", "0"); self.end_headers()
    def log_message(self, *_): pass
http.server.HTTPServer((os.environ["CHENGYUN_HOST"], int(os.environ[sys.argv[1]])), Health).serve_forever()
"""
WAITER = "import signal; signal.pause()"


def programs(migration: str) -> dict[str, list[str]]:
    python = [sys.executable, "-c"]
    return {
        "migrate": [*python, WAITER if migration == "SLOW" else f"print({migration!r})"],
        "web": [*python, SERVER, "CHENGYUN_PORT"],
        "stream": [*python, SERVER, "CHENGYUN_STREAM_PORT"],
        "protocols": [*python, SERVER, "CHENGYUN_PROTOCOLS_PORT"],
        "jobs": [*python, WAITER],
    }


if __name__ == "__main__":
    try:
        with explained():
            sys.exit(up(config(), programs(sys.argv[1])))
    except Problem as problem:
        print(problem.sentence, file=sys.stderr)
        sys.exit(1)
