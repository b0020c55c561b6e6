# SPDX-License-Identifier: Apache-2.0
"""Reading HTTP services: in pages, only what is new, patiently, and nowhere but where they were declared to be.

The rows of a service come in no order that can be relied on, so the position moves once everything was read; rows known from
the last time are not sent again. A body that is no JSON is read by the readers of files.
"""

from __future__ import annotations

import datetime as dt
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, BinaryIO, cast
from urllib.parse import urljoin, urlsplit

import msgspec

from chengyun.collect.pull.chunks import ROWS, Chunk, Row, mark_of, moment_of
from chengyun.collect.pull.credentials import Credentials
from chengyun.collect.pull.guard import Guard
from chengyun.collect.pull.spec import HttpRead, Paging, Spec, floor
from chengyun.errors import Malformed, Refused, Unavailable

if TYPE_CHECKING:
    import httpx

__all__ = ["HttpReading"]

CONNECT_WITHIN_S = 10.0
ANSWER_WITHIN_S = 60.0
ATTEMPTS = 4
LONGEST_WAIT_S = 60.0
"""A longer Retry-After ends the run; the next is not before it."""
MOST_PAGES = 10_000
MOST_REDIRECTS = 5
IN_MEMORY = 4 * 2**20
AHEAD = dt.timedelta(days=1)

Wait = Callable[[float], None]


class HttpReading:
    """One reading of a service."""

    def __init__(
        self, spec: Spec, read: HttpRead, credentials: Credentials, guard: Guard, position: Mapping[str, Any], zone: dt.tzinfo,
        now: dt.datetime, wait: Wait = time.sleep,
    ) -> None:  # fmt: skip
        try:
            import httpx
        except ImportError as missing:
            raise Refused("Reading HTTP services needs httpx; install chengyun again, whole.", code="extra") from missing
        self._spec, self._read, self._credentials, self._guard, self._zone, self._now, self._wait = (
            spec, read, credentials, guard, zone, now, wait,
        )  # fmt: skip
        self._position = dict(position)
        self._mark: int | None = position.get("mark") if read.watermark else None
        self._timed = bool(position.get("timed", True))
        self.since_mark = floor(spec, self._mark, self._timed) if self._mark is not None and read.since else None
        self.whole = False
        self._hosts = {urlsplit(spec.address).hostname, *read.hosts}
        self._last_asked = 0.0
        # No proxies and no .netrc from the environment: where a source leads is decided by the guard alone.
        self._client = httpx.Client(timeout=httpx.Timeout(ANSWER_WITHIN_S, connect=CONNECT_WITHIN_S), trust_env=False)

    def keys(self) -> None:
        """What is asked for with `since` is not everything; what is gone cannot be told then."""
        return

    def close(self) -> None:
        self._client.close()

    def chunks(self) -> Iterator[Chunk]:
        """Yield the rows of every page. Raises Unavailable, Refused or Malformed."""
        highest = self._mark
        after = dict(self._position)
        for number, (body, answer) in enumerate(self._pages(), start=1):
            if body is None:
                return  # not modified: nothing was read, and nothing is gone
            if number == 1:
                after |= {"etag": answer.get("etag", ""), "modified": answer.get("last-modified", "")}
            for rows, kinds, size in body:
                marks = [it for row in rows if (it := self._mark_in(row)) is not None]
                highest = max([*marks, *([] if highest is None else [highest])], default=None)
                yield Chunk(rows, f"page {number}", kinds, size)
        if highest is not None:
            if self._timed:
                highest = min(highest, mark_of(self._now + AHEAD, dt.UTC) or highest)
            after |= {"mark": highest, "timed": self._timed}
        self.whole = True
        yield Chunk([], "end", after=after)

    def _mark_in(self, row: Row) -> int | None:
        if not self._read.watermark:
            return None
        value = row.get(self._read.watermark)
        if value is not None:
            self._timed = not isinstance(value, int | float) or self._read.since_format in ("s", "ms")
        if self._timed and isinstance(value, int | float):
            value = moment_of(round(value * (1_000_000 if self._read.since_format == "s" else 1_000)))
        return mark_of(value, self._zone)

    def _pages(self) -> Iterator[tuple[_Body | None, Mapping[str, str]]]:
        paging, parameters = self._read.paging, dict(self._read.parameters) | self._since()
        address, size = self._spec.address, 0
        place = paging.first if paging and paging.by == "page" else 0
        asked: set[str] = set()
        for _ in range(MOST_PAGES):
            shown = dict(parameters)
            if paging and paging.parameter and paging.by in ("page", "offset"):
                shown[paging.parameter] = str(place)
            if paging and paging.size_parameter and paging.size:
                shown[paging.size_parameter] = str(paging.size)
            answer, file, size = self._ask(address, shown, conditional=paging is None and not asked)
            if str(answer.url) in asked:
                raise Malformed(
                    f"{_shown(answer)} was named as the next page twice; the service runs in a circle.", code="paging"
                )
            asked.add(str(answer.url))
            if file is None:
                yield None, answer.headers
                return
            body = _Body(self._read, file, size, answer, str(self._zone))
            yield body, answer.headers
            following = self._following(paging, body, answer)
            if following is None:
                return
            match following:
                case str() if paging and paging.by == "cursor" and paging.parameter:
                    parameters[paging.parameter] = following
                case str():
                    address, parameters = following, {}
                case int():
                    place += following
        raise Malformed(f"The service gave {MOST_PAGES} pages and no end.", code="paging")

    def _following(self, paging: Paging | None, body: _Body, answer: httpx.Response) -> str | int | None:
        """Return the cursor or address of the next page, or how far to count on; None at the end."""
        if paging is None:
            return None
        if paging.by == "link":
            named = body.at(paging.next) if paging.next else answer.links.get("next", {}).get("url")
            return urljoin(str(answer.url), str(named)) if named else None
        if paging.by == "cursor":
            cursor = body.at(paging.next or "")
            return str(cursor) if cursor not in (None, "", False) and body.count else None
        if not body.count or (paging.size and body.count < paging.size):
            return None
        return 1 if paging.by == "page" else body.count

    def _since(self) -> dict[str, str]:
        if not self._read.since or self.since_mark is None:
            return {}
        if not self._timed:
            return {self._read.since: str(self.since_mark)}
        moment = moment_of(self.since_mark)
        match self._read.since_format:
            case None:
                text = moment.astimezone(self._zone).isoformat(timespec="seconds")
            case "s":
                text = str(int(moment.timestamp()))
            case "ms":
                text = str(int(moment.timestamp() * 1000))
            case pattern:
                text = moment.astimezone(self._zone).strftime(pattern)
        return {self._read.since: text}

    def _ask(
        self, address: str, parameters: Mapping[str, str], *, conditional: bool
    ) -> tuple[httpx.Response, BinaryIO | None, int]:
        """Return the answer to a GET and its body, within bounds; None when nothing changed since the last time."""
        import httpx

        wrong = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                self._wait(min(8.0, 2.0**attempt))
            try:
                answer = self._open(address, parameters, conditional)
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
                            f"{_shown(answer)} answers {answer.status_code}: the credentials are not accepted.",
                            code="credentials",
                        )
                    case status:
                        raise Refused(
                            f"{_shown(answer)} answers {status}, expected 200. Check the address.", code="source_refuses"
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
                f"{_shown(answer)} asks to be left alone for {seconds:.0f} s.", code="busy", retry_after=min(seconds, 86_400.0)
            )
        if seconds:
            self._wait(seconds)

    def _open(self, address: str, parameters: Mapping[str, str], conditional: bool) -> httpx.Response:
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
                "GET", self._with_key(url).copy_with(host=checked), headers=self._headers(url, conditional),
                extensions={"sni_hostname": url.host},
            )  # fmt: skip
            answer = self._client.send(request, stream=True)
            answer.request.url = url  # what is told of it, and what its links are relative to
            if not answer.has_redirect_location:
                return answer
            answer.close()
            url = url.join(answer.headers["location"])
        raise Malformed(f"{url.host} redirects more than {MOST_REDIRECTS} times.", code="redirects")

    def _headers(self, url: httpx.URL, conditional: bool) -> dict[str, str]:
        headers = {
            "Host": url.netloc.decode(),
            "Accept": "application/json, */*;q=0.5",
            "User-Agent": "chengyun",
        } | self._read.headers
        if conditional and self._position.get("etag"):
            headers["If-None-Match"] = self._position["etag"]
        elif conditional and self._position.get("modified"):
            headers["If-Modified-Since"] = self._position["modified"]
        if url.host != urlsplit(self._spec.address).hostname:
            return headers  # another host's business is not ours to prove who we are
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

    def _with_key(self, url: httpx.URL) -> httpx.URL:
        if self._read.auth == "query" and url.host == urlsplit(self._spec.address).hostname:
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
                    f"{_shown(answer)} is larger than {self._read.largest_mb:g} MB. Raise largest_mb, or page.", code="too_large"
                )
            file.write(part)
        file.seek(0)
        return file, size


class _Body:
    """The body of a page, its rows taken once. count: of rows given so far."""

    def __init__(self, read: HttpRead, file: BinaryIO, size: int, answer: httpx.Response, zone: str) -> None:
        self._read, self._file, self._size, self._answer, self._zone = read, file, size, answer, zone
        self._found: Any = None
        self.count = 0

    def __iter__(self) -> Iterator[tuple[list[Row], dict[str, str] | None, int]]:
        with self._file:
            if self._read.format == "json":
                yield from self._json()
            else:
                yield from self._tables()

    def at(self, path: str) -> Any:
        """Return what stands at a path of the JSON body; None where it ends."""
        return _at(self._found, path)

    def _json(self) -> Iterator[tuple[list[Row], None, int]]:
        try:
            self._found = msgspec.json.decode(self._file.read())
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
            raise Malformed(f"{_shown(self._answer)} is not JSON: {wrong}.", code="body") from wrong
        rows = _at(self._found, self._read.rows)
        rows = [rows] if isinstance(rows, dict) else rows
        if not isinstance(rows, list):
            told = ", ".join(self._found) if isinstance(self._found, dict) else type(self._found).__name__
            raise Malformed(
                f"{_shown(self._answer)} has no list of rows at {self._read.rows!r}; it has {told[:200]}.", code="body"
            )
        self.count = len(rows)
        for start in range(0, len(rows), ROWS):
            part = [_flat(row) if isinstance(row, dict) else {"value": row} for row in rows[start : start + ROWS]]
            yield part, None, self._size if start == 0 else 0

    def _tables(self) -> Iterator[tuple[list[Row], dict[str, str] | None, int]]:
        from chengyun.collect.pull.tables import read_tables

        name = urlsplit(str(self._answer.url)).path.rpartition("/")[2] or "body"
        size = self._size
        for part in read_tables(self._file, name, {"format": self._read.format, "zone": self._zone, **self._read.options}, ""):
            self.count += len(part.rows)
            yield part.rows, part.kinds, size
            size = 0


def _at(found: Any, path: str) -> Any:
    for name in path.split(".") if path else ():
        if isinstance(found, dict):
            found = found.get(name)
        elif isinstance(found, list) and name.lstrip("-").isdigit() and -len(found) <= int(name) < len(found):
            found = found[int(name)]
        else:
            return None
    return found


def _flat(row: Mapping[str, Any], prefix: str = "") -> Row:
    """Return an object's values by path, e.g. `location.lat`; lists stay as they are."""
    flat: Row = {}
    for name, value in row.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def _shown(answer: httpx.Response) -> str:
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
