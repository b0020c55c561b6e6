# SPDX-License-Identifier: Apache-2.0
"""What the bench `exchange` serves: the exchange as it is, and beside it the same read without signatures, receipt or log.

CHENGYUN_BENCH_PLAIN makes it the latter. Both come through the same door, in the same groups and threads, and do all of this:
whose request it is, what the policy lets through, the rows, the masks, the grant's count, the audit with each person read.
Only the exchange as it is checks a signature, keeps its nonce, signs a receipt and the answer, and puts the receipt into the
log, which it gives its places and signed heads once a second, as the door does. Each writes all it has to write in one statement.
"""

from __future__ import annotations

import datetime as dt
import os
import threading
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl

from chengyun.run.setup import django

django()

import msgspec  # noqa: E402 - Django first
from django.db import transaction  # noqa: E402

from chengyun.protocols.exchange.door import SEQUENCE_EVERY_S  # noqa: E402
from chengyun.protocols.exchange.lanes import Lanes  # noqa: E402
from chengyun.protocols.exchange.routes import ROUTES  # noqa: E402
from chengyun.run.zygote import spare_the_loaded  # noqa: E402
from chengyun.share.exchange.messages import Checked  # noqa: E402
from chengyun.share.exchange.models import Party  # noqa: E402
from chengyun.share.exchange.parties import Known  # noqa: E402
from chengyun.share.exchange.serving import (  # noqa: E402
    Answer,
    Ask,
    Asked,
    Group,
    Routes,
    answer_many,
    note_reads,
    read_together,
    rows_answer,
)  # fmt: skip
from chengyun.share.ledger import sequence  # noqa: E402

_NOBODY = Checked("", "", 0, "", b"", b"")


def plain(asks: Sequence[Ask], _routes: Routes, known: Known) -> list[Answer]:
    """Read as ever: who it is, what the policy lets through, masks, audit; but nothing is checked, signed or logged."""
    now = dt.datetime.now(dt.UTC)
    with transaction.atomic():
        told, group = [], Group()
        speaking = [known.party(ask.headers.get("key", "")) for ask in asks]
        read_together([(ask, party) for ask, party in zip(asks, speaking, strict=True) if party is not None], known, group)
        for ask, party in zip(asks, speaking, strict=True):
            if not isinstance(party, Party):
                told.append(Answer(401, b"{}"))
                continue
            params = group.params.get(id(ask)) or dict(parse_qsl(ask.query))
            asked = Asked(ask, _NOBODY, party, known, {}, params, now, group)
            told.append(Answer(200, msgspec.json.encode(rows_answer(asked).value, enc_hook=str)))
        note_reads(group.reads)
        return told


_lanes: Lanes | None = None


async def app(scope: dict[str, Any], _receive: Any, send: Any) -> None:
    """Answer GET requests alone."""
    global _lanes
    if scope["type"] != "http":
        return
    if _lanes is None:
        is_plain = bool(os.environ.get("CHENGYUN_BENCH_PLAIN"))
        _lanes = Lanes(ROUTES, plain if is_plain else answer_many)
        # As in the processes of a city, which are forked from one that has loaded the program.
        spare_the_loaded()
        if not is_plain:
            threading.Thread(target=_sequence, daemon=True).start()
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    query = scope["query_string"].decode()
    told = await _lanes.answer(Ask(scope["method"], headers["host"], scope["path"], query, headers), slow=False)
    sent = [(name.encode(), value.encode()) for name, value in told.headers.items()]
    sent.append((b"content-length", str(len(told.body)).encode()))
    await send({"type": "http.response.start", "status": told.status, "headers": sent})
    await send({"type": "http.response.body", "body": told.body})


def _sequence() -> None:
    while True:
        time.sleep(SEQUENCE_EVERY_S)
        sequence("exchange")


def main(port: int) -> None:
    """Serve on a port of this machine until SIGTERM."""
    from granian import Granian
    from granian.constants import Interfaces, Loops
    from granian.log import LogLevels

    from chengyun.run.serve import loader

    target = "chengyun.protocols.exchange.measured:app"
    Granian(
        target, address="127.0.0.1", port=port, workers=1, websockets=False, log_access=False, log_level=LogLevels.warning,
        interface=Interfaces.ASGI, loop=Loops.uvloop, workers_kill_timeout=5,
    ).serve(target_loader=loader(target), wrap_loader=False)  # fmt: skip


if __name__ == "__main__":
    import sys

    main(int(sys.argv[1]))
