# SPDX-License-Identifier: Apache-2.0
"""Where sealed tables lie: a folder of this machine, or a bucket of an S3-compatible object store (see bucket.py).

A file of a place goes by its path, `/folder/…` or `s3://bucket/prefix/…`, which is also what Iceberg calls it. Files are
never changed once written, so a copy of one is good for ever: whoever reads asks for a path on this machine
(`local_path`), which for a bucket is a copy kept beside the data folder.

    home      where new files go (CHENGYUN_LAKE)
    archive   where months go that are old enough by their stream's declaration (CHENGYUN_LAKE_ARCHIVE)
"""

from __future__ import annotations

import datetime as dt
import functools
import os
import shutil
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, Protocol

from chengyun.config import Config, config
from chengyun.lake import content, faults

__all__ = [
    "Found", "Place", "archive", "home", "known", "local_path", "local_paths",
    "location_of", "path_of", "place_of", "readable_folders",
]  # fmt: skip

AT_ONCE = 8
"""How many objects are fetched side by side."""


class Found(NamedTuple):
    """A file that lies at a place. changed: when it was written."""

    path: str
    size: int
    changed: dt.datetime


class Place(Protocol):
    """Files by path. Each method raises Unavailable when the place is away, FileNotFoundError for a file that is not there."""

    root: str

    def draft(self, path: str) -> Path:
        """Return where on this machine to write what is to become a file of that path or name."""

    def keep(self, draft: Path, path: str) -> None:
        """Make a draft the file of a path: whole and durable when this returns, or not there. The draft is used up."""

    def write(self, path: str, content: bytes) -> None:
        """As keep, for a small file."""

    def local(self, path: str) -> Path:
        """Return where on this machine a file's content can be read."""

    def size(self, path: str) -> int | None:
        """Return a file's bytes; None when it is not there."""

    def digest(self, path: str) -> str:
        """Return the digest of what lies at the place itself, not of a copy of it."""

    def put_back(self, path: str) -> bool:
        """Write a file of sealed rows anew from a copy on this machine, if there is a sound one."""

    def files(self, under: str) -> Iterator[Found]:
        """Yield the files below a path, in order."""

    def remove(self, path: str) -> None:
        """Remove a file if it is there."""


class Folder:
    """A folder of this machine, or of a disk it has mounted."""

    def __init__(self, root: str) -> None:
        self.root = root

    def draft(self, path: str) -> Path:
        # Beside the file, so that naming it is one step of the file system.
        folder = Path(path).parent
        folder.mkdir(parents=True, exist_ok=True)
        return folder / (Path(path).name + ".half")

    def keep(self, draft: Path, path: str) -> None:
        content.sync(draft)
        draft.rename(path)
        content.sync(Path(path).parent)

    def write(self, path: str, content: bytes) -> None:
        draft = self.draft(path)
        draft.write_bytes(content)
        self.keep(draft, path)

    def local(self, path: str) -> Path:
        return Path(path)

    def size(self, path: str) -> int | None:
        try:
            return Path(path).stat().st_size
        except FileNotFoundError:
            return None

    def digest(self, path: str) -> str:
        return content.digest(Path(path))

    def put_back(self, path: str) -> bool:  # noqa: ARG002  nothing is copied of what is here
        return False

    def files(self, under: str) -> Iterator[Found]:
        for file in sorted(path for path in Path(under).rglob("*") if path.is_file()):
            found = file.stat()
            yield Found(str(file), found.st_size, dt.datetime.fromtimestamp(found.st_mtime, dt.UTC))

    def remove(self, path: str) -> None:
        Path(path).unlink(missing_ok=True)


def home() -> Place:
    """Return the place of new files."""
    return _place(config().lake, config())


def archive() -> Place | None:
    """Return the place of what is old; None when none is set."""
    root = config().lake_archive
    return None if root is None else _place(root, config())


def known() -> list[Place]:
    """Return every place that may hold files of ours: home, archive, and the folder that is home by default."""
    here = config()
    return [_place(root, here) for root in dict.fromkeys([here.lake, here.lake_archive, str(here.warehouse)]) if root]


def place_of(path: str) -> Place:
    """Return the place a file lies at, also one that is no longer set."""
    # One may lie within the other.
    if found := [place for place in known() if path.startswith(place.root + "/")]:
        return max(found, key=lambda place: len(place.root))
    root = "/".join(path.split("/")[:3]) if path.startswith("s3://") else "/"
    return _place(root, config())


def local_path(path: str) -> Path:
    """Return where on this machine a file can be read. Raises Unavailable, FileNotFoundError as its place does."""
    return place_of(path).local(path)


def local_paths(paths: Iterable[str]) -> list[str]:
    """Return where on this machine files can be read, in order, fetching what is missing side by side."""
    wanted = list(paths)
    if not any(path.startswith("s3://") for path in wanted):
        return wanted
    with ThreadPoolExecutor(AT_ONCE) as workers:
        return [str(path) for path in workers.map(local_path, wanted)]


def readable_folders() -> list[str]:
    """Return the folders of this machine that readers of the lake need, each with a slash at its end."""
    here = config()
    roots = [root for root in (here.lake, here.lake_archive, str(here.warehouse)) if root and not root.startswith("s3://")]
    return [f"{root}/" for root in dict.fromkeys([*roots, str(here.data / "cache")])]


def location_of(path: str) -> str:
    """Return how Iceberg names a path: a folder's as it is, since its readers decode no percent signs."""
    return f"file://{path}" if path.startswith("/") else path


def path_of(location: str) -> str:
    """Return the path of a file that Iceberg names."""
    return location.removeprefix("file://")


def copy(path: str, target: str) -> None:
    """Copy a file from its place to another, where it is whole and durable when this returns."""
    place = place_of(target)
    draft = place.draft(target)
    shutil.copyfile(local_path(path), draft)
    faults.step("copy-half-written")
    place.keep(draft, target)


def last_name(path: str) -> str:
    """Return the name of a file without its folders."""
    return os.path.basename(path)


@functools.lru_cache(maxsize=8)
def _place(root: str, here: Config) -> Place:
    if not root.startswith("s3://"):
        return Folder(root)
    from chengyun.lake.bucket import open_bucket  # boto3 is heavy, and an extra

    return open_bucket(root, here)
