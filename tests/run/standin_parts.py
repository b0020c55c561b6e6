# SPDX-License-Identifier: Apache-2.0
"""The small programs of standin.py, and what its zygote may load for them."""

from __future__ import annotations

import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time

LOADED: list[str] = []


def nothing() -> None:
    """Load nothing but a mark that shows what was forked."""
    LOADED.append("by the zygote")


def a_thread() -> None:
    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()


def a_file() -> None:
    LOADED.append(str(os.open(sys.executable, os.O_RDONLY)))


def a_fault() -> None:
    raise RuntimeError("this pack has a fault.")


class Health(http.server.BaseHTTPRequestHandler):
    """Says what its process is like; /orphan leaves a process behind that has ended."""

    def do_GET(self) -> None:
        if self.path == "/orphan":
            subprocess.run([sys.executable, "-c", "import os; os.fork() or os.execlp('sleep', 'sleep', '0.1')"], check=True)
        import standin_parts  # the one the zygote has loaded; this is __main__

        told = json.dumps(
            {
                "parent": os.getppid(), "group": os.getpgid(0), "pid": os.getpid(), "loaded": standin_parts.LOADED,
                "files": sorted(os.readlink(f"/proc/self/fd/{fd}") for fd in (0, 1, 2)), "argv": sys.argv[1:], "cwd": os.getcwd(),
            }
        ).encode()  # fmt: skip
        self.send_response(200)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, *_: object) -> None:
        pass


def main(what: str, given: str = "") -> None:
    if what == "say":
        print(given)
    elif what == "sleep":
        signal.pause()
    else:
        if os.environ.get("STANDIN_BROKEN") == "web":
            sys.exit("no such page.")
        print(f"serving on {given}", flush=True)
        http.server.HTTPServer((os.environ["CHENGYUN_HOST"], int(os.environ[given])), Health).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
