# SPDX-License-Identifier: Apache-2.0
"""The errors of NGSI-LD, and how they are told (RFC 7807).

    BadRequestData 400 · InvalidRequest 400 · ResourceNotFound 404 · AlreadyExists 409 · OperationNotSupported 422
    LdContextNotAvailable 503 · LoopDetected 508 · TooComplexQuery 403 · TooManyResults 403

Standard: ETSI GS CIM 009 V1.8.1, table 5.5.2-1 and clause 6.3.2.
"""

from __future__ import annotations

from typing import Any

import msgspec

from chengyun.collect.wire import status_of
from chengyun.errors import NotFound, Problem, Refused, Unavailable
from chengyun.protocols.door import Reply
from chengyun.protocols.ngsild.vocabulary import PREFIX

__all__ = [
    "absent",
    "bad",
    "exists",
    "invalid",
    "looped",
    "no_context",
    "problem_details",
    "reply_of",
    "too_complex",
    "unsupported",
]

_TITLES = {
    "BadRequestData": "The request holds data that NGSI-LD does not allow here",
    "InvalidRequest": "The request cannot be read",
    "ResourceNotFound": "There is nothing under this name",
    "AlreadyExists": "Something of this name is here already",
    "OperationNotSupported": "This operation is not offered",
    "LdContextNotAvailable": "A @context cannot be had",
    "TooComplexQuery": "The question is larger than is answered",
    "TooManyResults": "The answer is larger than is given at once",
    "LoopDetected": "The request has been here before",
    "InternalError": "Something broke here",
}
_BY_STATUS = {401: "Unauthorized", 403: "Forbidden", 404: "ResourceNotFound", 503: "Unavailable"}


def invalid(sentence: str, *, status: int = 400) -> Refused:
    """The request itself is unreadable: JSON, a parameter, a media type."""
    return Refused(sentence, code="InvalidRequest", status=status)


def bad(sentence: str) -> Refused:
    """What the request holds is not NGSI-LD."""
    return Refused(sentence, code="BadRequestData", status=400)


def absent(sentence: str) -> NotFound:
    return NotFound(sentence, code="ResourceNotFound")


def exists(sentence: str) -> Refused:
    return Refused(sentence, code="AlreadyExists", status=409)


def unsupported(sentence: str) -> Refused:
    return Refused(sentence, code="OperationNotSupported", status=422)


def too_complex(sentence: str) -> Refused:
    return Refused(sentence, code="TooComplexQuery", status=403)


def looped(sentence: str) -> Refused:
    return Refused(sentence, code="LoopDetected", status=508)


def no_context(sentence: str) -> Unavailable:
    return Unavailable(sentence, code="LdContextNotAvailable")


def problem_details(problem: Problem) -> dict[str, Any]:
    """Return a Problem as the object NGSI-LD tells errors with."""
    status = status_of(problem)
    code = problem.code if problem.code in _TITLES else _BY_STATUS.get(status, "BadRequestData")
    kind = f"{PREFIX}errors/{code}" if code in _TITLES else "about:blank"
    return {"type": kind, "title": _TITLES.get(code, code), "detail": problem.sentence, "status": status}


def reply_of(problem: Problem) -> Reply:
    """Return the answer a Problem is told with."""
    status = status_of(problem)
    headers: tuple[tuple[str, str], ...] = ()
    if status == 401:
        headers = (("WWW-Authenticate", "Bearer"),)
    elif status == 503:
        headers = (("Retry-After", "1"),)
    return Reply(status, msgspec.json.encode(problem_details(problem)), "application/json", headers)
