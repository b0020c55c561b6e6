# SPDX-License-Identifier: Apache-2.0
"""Reading folders: of this machine, over SFTP, in an S3 store. New and changed files, each whole, each once.

listed ─▶ as it was seen? ──────────────────────────────▶ left alone
       ─▶ written a moment ago, or without its marker? ─▶ "arriving", looked at again next time
       ─▶ copied and digested; same as one already read? ▶ "same"
       ─▶ read; the position says file, digest and row, so a run cut off goes on at the next row
"""

from __future__ import annotations

import contextlib
import datetime as dt
import fnmatch
import hashlib
import logging
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any, BinaryIO, cast
from urllib.parse import unquote, urlsplit

from django.db import Error

from chengyun.collect.pull.chunks import Chunk
from chengyun.collect.pull.credentials import Credentials
from chengyun.collect.pull.guard import Guard
from chengyun.collect.pull.models import SeenFile, Source
from chengyun.collect.pull.spec import FilesRead, Spec, seconds
from chengyun.errors import Malformed, Problem, Refused, Unavailable

if TYPE_CHECKING:
    from chengyun.collect.pull.tables import Part

__all__ = ["FolderReading"]

log = logging.getLogger(__name__)

UNFINISHED = (".part", ".partial", ".tmp", ".filepart", ".crdownload", ".swp", "~")
"""Endings under which programs write a file before they give it its name."""
MOST_FILES = 100_000
COPY = 1 << 20


class FolderReading:
    """One look through a folder."""

    since_mark: int | None = None

    def __init__(
        self, spec: Spec, read: FilesRead, credentials: Credentials, guard: Guard, source: Source, zone: dt.tzinfo,
        now: dt.datetime, data: Path,
    ) -> None:  # fmt: skip
        self._read, self._source, self._now, self._zone = read, source, now, zone
        self._position: Mapping[str, Any] = source.position
        self._needed = {cell.column for cell in spec.cells.values()}
        self._store, self._root = _open_store(spec, read, credentials, guard, data)
        self._guard = guard if urlsplit(spec.address).scheme == "file" else None
        self.whole = True

    def keys(self) -> None:
        """A folder tells what came, not what is gone."""
        return

    def close(self) -> None:
        """Nothing is held open between two files."""

    def chunks(self) -> Iterator[Chunk]:
        """Yield the rows of every file that is new or changed, oldest first. Raises Unavailable or Refused."""
        seen = {it.path: it for it in SeenFile.objects.filter(source_id=self._source.pk)}
        with _told(self._root):
            listed = self._listed()
        for path, size, version in listed:
            before = seen.get(path)
            same = before is not None and (before.size, before.version) == (size, version)
            if same and before is not None and before.state != SeenFile.State.ARRIVING:
                continue
            file = {"path": path, "size": size, "version": version}
            if not self._settled(
                path, version, before if same else None, {it[0] for it in listed} if self._read.marker else set()
            ):
                if not same:
                    yield Chunk([], path, file=file | {"state": "arriving"})
                continue
            yield from self._file(path, size, file)

    def _file(self, path: str, size: int, file: Mapping[str, Any]) -> Iterator[Chunk]:
        if size > self._read.largest_mb * 2**20:
            yield Chunk([], path, file={**file, "state": "failed", "error": f"{size:,} bytes, larger than largest_mb allows."})
            return
        with tempfile.TemporaryFile() as copy, _told(path):
            digest = self._copy(path, copy)
            if SeenFile.objects.filter(source_id=self._source.pk, digest=digest, state="read").exists():
                yield Chunk([], path, file={**file, "state": "same", "digest": digest})
                return
            begun = self._position if (self._position.get("path"), self._position.get("digest")) == (path, digest) else {}
            done = int(begun.get("rows", 0))
            count = 0
            try:
                for part in self._parts(cast("BinaryIO", copy), path):
                    count += len(part.rows)
                    if count <= done and part.rows:
                        continue  # settled before this run; a part has the same rows whenever the file is the same
                    at = f"{path} {part.table if part.table not in ('', path) else ''} lines {part.lines[0]}–{part.lines[1]}"
                    after = {"path": path, "digest": digest, "rows": count}
                    if part.rows or (part.aside and count >= done):
                        yield Chunk(part.rows, at, part.kinds, 0, after, part.aside)
            except Exception as wrong:
                if not _is_the_files(wrong):
                    raise
                # The others have their turn.
                if not isinstance(wrong, Problem):
                    log.exception("%s could not be read; the files behind it are", path)
                said = wrong.sentence if isinstance(wrong, Problem) else f"It could not be read: {type(wrong).__name__}: {wrong}"
                yield Chunk([], path, after={}, file={**file, "state": "failed", "digest": digest, "error": said[:500]})
                return
        yield Chunk([], path, size=size, after={}, file={**file, "state": "read", "digest": digest, "rows": count, "error": ""})

    def _parts(self, copy: BinaryIO, path: str) -> Iterator[Part]:
        from chengyun.collect.pull.tables import read_tables

        options = {"zone": str(self._zone), **self._read.options}
        name = PurePosixPath(path).name
        if not self._read.members:
            yield from read_tables(copy, name, options, self._read.table, self._needed)
            return
        from chengyun.collect.pull.formats.archives import open_member, open_zip

        with open_zip(copy, name, int(self._read.largest_mb * 2**20)) as archive:
            for member in sorted(it.filename for it in archive.infolist() if not it.is_dir()):
                if fnmatch.fnmatch(member, self._read.members):
                    with open_member(archive, member, name) as packed, tempfile.TemporaryFile() as plain:
                        _pour(packed, plain, int(self._read.largest_mb * 2**20), member)
                        yield from read_tables(
                            cast("BinaryIO", plain), PurePosixPath(member).name, options, self._read.table, self._needed
                        )  # fmt: skip

    def _listed(self) -> list[tuple[str, int, str]]:
        """Return (path below the folder, size, version) of the files that fit, by version and path."""
        found = self._store.find(self._root, detail=True)
        if len(found) > MOST_FILES:
            raise Refused(
                f"The folder holds {len(found):,} files, at most {MOST_FILES:,} are looked through. Move old ones away."
            )
        listed = []
        for whole, info in found.items():
            path = whole.removeprefix(self._root).lstrip("/")
            name = PurePosixPath(path).name
            if name.startswith(".") or name.endswith(UNFINISHED) or not _fits(path, self._read.pattern):
                continue
            listed.append((path[:1000], int(info.get("size") or 0), _version(info)))
        return sorted(listed, key=lambda it: (it[2], it[0]))

    def _settled(self, path: str, version: str, before: SeenFile | None, others: set[str]) -> bool:
        if self._read.marker:
            return f"{path}{self._read.marker}" in others
        quiet = dt.timedelta(seconds=seconds(self._read.settled))
        if before is not None and self._now - before.seen_at >= quiet:
            return True  # seen just like this a while ago, whatever the clock of its keeper says
        try:
            return self._now - dt.datetime.fromisoformat(version) >= quiet
        except ValueError:
            return True  # a store that gives tags instead of times shows a file only when it is whole

    def _copy(self, path: str, copy: IO[bytes]) -> str:
        if self._guard is not None:
            self._guard.folder(Path(f"{self._root}/{path}"))  # a link in the folder may lead out of it
        with self._store.open(f"{self._root}/{path}", "rb") as opened:
            return _pour(opened, copy, int(self._read.largest_mb * 2**20), path)


def _pour(opened: Any, copy: IO[bytes], most: int, name: str) -> str:
    """Copy within bounds; return the digest."""
    digest = hashlib.sha256()
    size = 0
    while part := opened.read(COPY):
        size += len(part)
        if size > most:
            raise Malformed(f"{name} is larger than {most:,} bytes. Raise largest_mb, or split it.", code="too_large")
        digest.update(part)
        copy.write(part)
    copy.seek(0)
    return digest.hexdigest()


def _fits(path: str, pattern: str) -> bool:
    """Say whether a path fits: `*` within a folder, `**` across folders."""
    return (
        fnmatch.fnmatch(path, pattern)
        if "**" in pattern
        else PurePosixPath(path).match(pattern) and path.count("/") == pattern.count("/")
    )


def _version(info: Mapping[str, Any]) -> str:
    """Return what tells two states of a file of one size apart: a digest before a time, which may know only seconds."""
    for name in ("ETag", "etag", "mtime", "LastModified"):
        value = info.get(name)
        if isinstance(value, int | float):
            return dt.datetime.fromtimestamp(value, dt.UTC).isoformat()
        if isinstance(value, dt.datetime):
            return value.astimezone(dt.UTC).isoformat()
        if value:
            return str(value)[:100]
    return ""


def _open_store(spec: Spec, read: FilesRead, credentials: Credentials, guard: Guard, data: Path) -> tuple[Any, str]:
    """Return a file system and the folder's path in it."""
    parts = urlsplit(spec.address)
    path = unquote(parts.path).rstrip("/")
    match parts.scheme:
        case "file":
            from fsspec.implementations.local import LocalFileSystem

            root = guard.folder(Path(path or "/"))
            if not root.is_dir():
                raise Unavailable(f"The folder {root} is not there.")
            return LocalFileSystem(), str(root)
        case "sftp":
            try:
                from sshfs import SSHFileSystem
            except ImportError as missing:
                raise Refused("Reading over SFTP needs sshfs: install chengyun[remote].", code="extra") from missing
            host = guard.address(parts.hostname or "", parts.port or 22)
            keys = data / "known_hosts"
            # Said always: without it sshfs asks no machine who it is. () is the known_hosts of whoever runs this program.
            given: dict[str, Any] = {"known_hosts": str(keys) if keys.exists() else ()}
            if credentials.private_key:
                import asyncssh

                given["client_keys"] = [asyncssh.import_private_key(credentials.private_key)]
            with _told(parts.hostname or ""):
                store = SSHFileSystem(
                    host, port=parts.port or 22, username=credentials.user, password=credentials.password or None,
                    host_key_alias=parts.hostname, connect_timeout=10, skip_instance_cache=True, **given,
                )  # fmt: skip
            return store, path or "."
        case _:
            try:
                from s3fs import S3FileSystem
            except ImportError as missing:
                raise Refused("Reading from S3 needs s3fs: install chengyun[remote].", code="extra") from missing
            endpoint = urlsplit(read.endpoint)
            if endpoint.hostname:
                guard.address(endpoint.hostname, endpoint.port or (443 if endpoint.scheme == "https" else 80))
            store = S3FileSystem(
                key=credentials.user or None, secret=credentials.password or None, anon=not credentials.user,
                endpoint_url=read.endpoint or None, skip_instance_cache=True, use_listings_cache=False,
            )  # fmt: skip
            return store, f"{parts.hostname}{path}"


def _is_the_files(wrong: Exception) -> bool:
    """Say whether what went wrong lies in one file: not in what was declared of all, nor in this machine, where every file would
    be given up for a disk that is full for an hour.
    """
    if isinstance(wrong, Problem):
        return isinstance(wrong, Malformed) or wrong.code == "format"
    # Libraries raise an OSError for damaged bytes, too; one of the system has its number.
    return not isinstance(wrong, Error) and not (isinstance(wrong, OSError) and wrong.errno is not None)


@contextlib.contextmanager
def _told(what: str) -> Iterator[None]:
    """Tell a store's errors in our words."""
    try:
        yield
    except (Malformed, Refused, Unavailable, GeneratorExit):
        raise
    except FileNotFoundError as wrong:
        raise Unavailable(f"{what} is not there: {wrong}") from wrong
    except PermissionError as wrong:
        raise Refused(f"{what} may not be read: {wrong}. Mend its permissions or the credentials.", code="permission") from wrong
    except OSError as wrong:
        raise Unavailable(f"{what} cannot be read now: {wrong}") from wrong
    except Exception as wrong:
        if type(wrong).__name__ == "HostKeyNotVerifiable":
            raise Refused(
                f"{what} shows a key nobody has vouched for. Put its line into known_hosts in the data folder; "
                "ssh-keyscan prints it.",
                code="host_key",
            ) from wrong
        if type(wrong).__module__.partition(".")[0] in ("asyncssh", "botocore", "aiobotocore", "aiohttp", "s3fs"):
            raise Unavailable(f"{what} cannot be read now: {type(wrong).__name__}: {str(wrong)[:200]}") from wrong
        raise
