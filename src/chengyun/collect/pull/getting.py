# SPDX-License-Identifier: Apache-2.0
"""GET, for whoever reads what others serve: checked against the guard, patient, conditional, and bounded after unpacking.

A name is looked up once, checked, and spoken to at the address checked; redirects are followed one by one under the same rule.
"""

from __future__ import annotations

import datetime as dt
import tempfile
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, BinaryIO, cast
from urllib.parse import urlsplit

from chengyun.collect.pull.credentials import NONE, Credentials
from chengyun.collect.pull.guard import Guard
from chengyun.collect.pull.spec import HttpRead
from chengyun.errors import Malformed, Refused, Unavailable

if TYPE_CHECKING:
    import httpx

__all__ = ["Getter", "Wait", "shown"]

CONNECT_WITHIN_S = 10.0
ANSWER_WITHIN_S = 60.0
SHORTEST_END_S, SLOWEST_S_PER_MB = 600.0, 8.0
"""An answer is read to its end within ten minutes, or as a line of 1 Mbit/s needs for the largest it may be."""
ATTEMPTS = 4
LONGEST_WAIT_S = 60.0
"""A longer Retry-After ends the run; the next is not before it."""
MOST_REDIRECTS = 5
IN_MEMORY = 4 * 2**20

Wait = Callable[[float], None]


class Getter:
    """Reads one service. address: where it was declared to be; its host, and `read.hosts`, are all it may lead to."""

    def __init__(
        self, address: str, read: HttpRead, guard: Guard, now: dt.datetime, credentials: Credentials = NONE,
        wait: Wait = time.sleep, accept: str = "application/json, */*;q=0.5",
    ) -> None:  # fmt: skip
        try:
            import httpx
        except ImportError as missing:
            raise Refused("Reading HTTP services needs httpx; install chengyun again, whole.", code="extra") from missing
        self._home = urlsplit(address)
        self._read, self._guard, self._now, self._credentials, self._wait = read, guard, now, credentials, wait
        self._accept = accept
        self._hosts = {self._home.hostname, *read.hosts}
        self._last_asked = 0.0
        # No proxies and no .netrc from the environment: where a source leads is decided by the guard alone.
        from chengyun.collect.pull import outside  # as httpx: only where something is asked

        self._client = httpx.Client(
            transport=outside.Ending(max(SHORTEST_END_S, read.largest_mb * SLOWEST_S_PER_MB)),
            timeout=httpx.Timeout(ANSWER_WITHIN_S, connect=CONNECT_WITHIN_S), trust_env=False,
        )  # fmt: skip

    def close(self) -> None:
        self._client.close()

    def get(
        self, address: str, parameters: Mapping[str, str] | None = None, known: Mapping[str, str] | None = None
    ) -> tuple[httpx.Response, BinaryIO | None, int]:
        """Return the answer to a GET, its body within bounds and the body's size.

        known: `etag` and `modified` of the answer there is; the body is None when nothing changed since.
        Raises Unavailable (with `retry_after` where the service said), Refused or Malformed.
        """
        import httpx

        wrong = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                self._wait(min(8.0, 2.0**attempt))
            try:
                answer = self._open(address, parameters or {}, known or {})
            except httpx.TransportError as away:
                wrong = f"{type(away).__name__}: {away}"
                continue
            try:
                match answer.status_code:
                    case 200:
                        file, size = self._body(answer)
                        return answer, file, size
                    case 304:
                        return answer, None, 0
                    case 429 | 503:
                        wrong = f"it answers {answer.status_code}, too busy"
                        self._be_patient(answer)
                    case status if status >= 500:
                        wrong = f"it answers {status}"
                    case 401 | 403:
                        raise Refused(
                            f"{shown(answer)} answers {answer.status_code}: the credentials are not accepted.",
                            code="credentials",
                        )
                    case status:
                        raise Refused(
                            f"{shown(answer)} answers {status}, expected 200. Check the address.", code="source_refuses"
                        )
            except httpx.TransportError as away:
                wrong = f"it broke off: {type(away).__name__}"
            finally:
                answer.close()
        raise Unavailable(self._credentials.hidden(f"{urlsplit(address).hostname} does not answer as asked: {wrong}."))

    def _be_patient(self, answer: httpx.Response) -> None:
        text = answer.headers.get("retry-after", "")
        seconds = _seconds(text, self._now)
        if seconds is not None and seconds > LONGEST_WAIT_S:
            raise Unavailable(
                f"{shown(answer)} asks to be left alone for {seconds:.0f} s.", code="busy", retry_after=min(seconds, 86_400.0)
            )
        if seconds:
            self._wait(seconds)

    def _open(self, address: str, parameters: Mapping[str, str], known: Mapping[str, str]) -> httpx.Response:
        """Send a GET and follow redirects one by one; every host is checked first, and spoken to at the address checked."""
        import httpx

        url = httpx.URL(address)
        url = url.copy_merge_params(dict(parameters)) if parameters else url
        for _ in range(MOST_REDIRECTS + 1):
            if url.scheme not in ("http", "https") or url.host not in self._hosts:
                raise Refused(
                    f"It leads to {url.scheme}://{url.host}, which is not declared. If it is meant, add it to hosts.", code="host"
                )
            checked = self._guard.address(url.host, url.port or (443 if url.scheme == "https" else 80))
            self._keep_pace()
            request = self._client.build_request(
                "GET", self._with_key(url).copy_with(host=checked), headers=self._headers(url, known),
                extensions={"sni_hostname": url.host},
            )  # fmt: skip
            answer = self._client.send(request, stream=True)
            answer.request.url = url  # what is told of it, and what its links are relative to
            if not answer.has_redirect_location:
                return answer
            answer.close()
            url = url.join(answer.headers["location"])
        raise Malformed(f"{url.host} redirects more than {MOST_REDIRECTS} times.", code="redirects")

    def _headers(self, url: httpx.URL, known: Mapping[str, str]) -> dict[str, str]:
        headers = {
            "Host": url.netloc.decode(),
            "Accept": self._accept,
            "User-Agent": "chengyun",
        } | self._read.headers
        if known.get("etag"):
            headers["If-None-Match"] = known["etag"]
        elif known.get("modified"):
            headers["If-Modified-Since"] = known["modified"]
        if not self._at_home(url):
            return headers  # another's business is not ours to prove who we are
        match self._read.auth:
            case "basic":
                import base64

                pair = f"{self._credentials.user}:{self._credentials.password}"
                headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
            case "bearer":
                headers["Authorization"] = f"Bearer {self._credentials.secret}"
            case "header":
                headers[str(self._read.key_name)] = self._credentials.secret
        return headers

    def _at_home(self, url: httpx.URL) -> bool:
        """Say whether who we are may be proved there: where the declared address leads, or to the same host's TLS from plain."""
        ports, home = {"http": 80, "https": 443}, self._home
        declared = (home.scheme, home.hostname, home.port or ports.get(home.scheme))
        asked = (url.scheme, url.host, url.port or ports.get(url.scheme))
        safer = declared == ("http", url.host, 80) and asked == ("https", url.host, 443)
        return safer or asked == declared

    def _with_key(self, url: httpx.URL) -> httpx.URL:
        if self._read.auth == "query" and self._at_home(url):
            return url.copy_set_param(str(self._read.key_name), self._credentials.secret)
        return url

    def _keep_pace(self) -> None:
        early = self._last_asked + 1 / self._read.per_second - time.monotonic()
        if early > 0:
            self._wait(early)
        self._last_asked = time.monotonic()

    def _body(self, answer: httpx.Response) -> tuple[BinaryIO, int]:
        largest = int(self._read.largest_mb * 2**20)
        file = cast("BinaryIO", tempfile.SpooledTemporaryFile(IN_MEMORY))  # noqa: SIM115  closed with what reads it
        size = 0
        for part in answer.iter_bytes(65_536):  # decompressed, so that what is packed small counts as what it is
            size += len(part)
            if size > largest:
                file.close()
                raise Malformed(
                    f"{shown(answer)} is larger than {self._read.largest_mb:g} MB. Raise largest_mb, or page.", code="too_large"
                )
            file.write(part)
        file.seek(0)
        return file, size


def shown(answer: httpx.Response) -> str:
    """Return the address of an answer without its query, in which a key may stand."""
    return f"{answer.url.scheme}://{answer.url.host}{answer.url.path}"


def _seconds(text: str, now: dt.datetime) -> float | None:
    """Return what a Retry-After header asks for: seconds, or a date of HTTP."""
    from email.utils import parsedate_to_datetime

    if text.strip().isdigit():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - now).total_seconds())
    except (TypeError, ValueError):
        return None
