# SPDX-License-Identifier: Apache-2.0
"""Another GeoReport v2 server, asked in JSON: file a request, learn its number from a token, ask how it stands."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from chengyun.collect.pull import outside
from chengyun.errors import Malformed, Refused, Unavailable

__all__ = ["Client", "Filed"]

WITHIN_S, WHOLE_S = 20.0, 60.0
"""For each word to arrive, and for all of an answer."""
LARGEST = 4 * 2**20


@dataclass(frozen=True, slots=True)
class Filed:
    """What the server answered: a number, or a token that will become one."""

    number: str = ""
    token: str = ""


class Client:
    """One endpoint. url: e.g. https://city.example/open311/v2. transport: another way out than the network, for tests."""

    def __init__(
        self, url: str, key: str = "", jurisdiction: str = "", transport: httpx.BaseTransport | None = None
    ) -> None:  # fmt: skip
        self.url, self._key = url.rstrip("/"), key
        self._named = {"jurisdiction_id": jurisdiction} if jurisdiction else {}
        # Redirects are not followed: a key must not reach whoever a foreign server names.
        given = httpx.Client(timeout=WITHIN_S, follow_redirects=False, transport=transport) if transport else None
        self._http = given or outside.client(WITHIN_S, WHOLE_S)

    def close(self) -> None:
        self._http.close()

    def services(self) -> list[dict[str, Any]]:
        return self._list("GET", "services")

    def file(self, form: Mapping[str, str], key: str) -> Filed:
        """File a request. key: under which it may be sent again. Raises Refused (not to be sent again), Unavailable (to be)."""
        sent = {**self._named, "api_key": self._key, **form}
        told = self._list("POST", "requests", data=sent, headers={"Idempotency-Key": key})[0]
        filed = Filed(str(told.get("service_request_id") or ""), str(told.get("token") or ""))
        if not filed.number and not filed.token:
            raise Malformed(f"{self.url} took a request and gave neither its service_request_id nor a token.")
        return filed

    def number_of(self, token: str) -> str:
        """Return the number a token has become; "" while it has none."""
        return str(self._list("GET", f"tokens/{token}")[0].get("service_request_id") or "")

    def request(self, number: str) -> dict[str, Any]:
        return self._list("GET", f"requests/{number}", params={"extensions": "true"})[0]

    def requests(self, numbers: Sequence[str]) -> list[dict[str, Any]]:
        return self._list("GET", "requests", params={"service_request_id": ",".join(numbers)})

    def _list(self, method: str, path: str, **given: Any) -> list[dict[str, Any]]:
        params = {**self._named, **given.pop("params", {})} if method == "GET" else None
        try:
            with self._http.stream(method, f"{self.url}/{path}.json", params=params, **given) as answer:
                got = outside.body(answer, LARGEST, f"{self.url}/{path}")
        except httpx.HTTPError as wrong:
            raise Unavailable(f"{self.url} does not answer: {type(wrong).__name__}.") from wrong
        if answer.status_code >= 500 or answer.status_code in (408, 425, 429):
            raise Unavailable(f"{self.url} answered {answer.status_code}. It is asked again later.")
        if answer.status_code >= 300:
            raise Refused(f"{self.url}/{path} answered {answer.status_code}: {got[:300].decode(errors='replace')}", code="remote")
        try:
            found = json.loads(got)
        except (ValueError, RecursionError) as wrong:
            raise Malformed(f"{self.url}/{path} answered no JSON.") from wrong
        if not isinstance(found, list) or (path != "services" and not found) or not all(isinstance(one, dict) for one in found):
            raise Malformed(f"{self.url}/{path} answered no list of objects, as GeoReport v2 has it.")
        return found
