# SPDX-License-Identifier: Apache-2.0
"""Where a pack's data is fetched from when nobody sends it: a database, an HTTP service, a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

from chengyun.city.declare import declaration, is_key

__all__ = ["Source"]

KINDS = ("database", "http", "files")


@declaration
class Source:
    """A source as a pack knows it; an installation gives its credentials and starts it. docs/sources.md says all of `read`.

    address: e.g. "mysql://10.1.2.3/traffic", "https://api.example.org/v1/counts", "sftp://10.1.2.3/out".
    read: how it is read, with its `kind`: database, http or files.
    stream: key of the stream; columns: the stream's column → the source's.
    register: key of the entity; register_key, register_columns: the same for its register.
    """

    key: str
    name: str
    address: str
    read: Mapping[str, Any]
    stream: str | None = None
    columns: Mapping[str, Any] | None = None
    register: str | None = None
    register_key: str | None = None
    register_columns: Mapping[str, Any] | None = None
    every: str | None = None
    cron: str | None = None
    late_after: str | None = None
    deletions: bool = False
    drift: Literal["stop", "go_on"] = "stop"
    time_zone: str = ""

    def faults(self) -> Iterator[str]:
        if not is_key(self.key):
            yield f"key {self.key!r} is not lower_snake."
        if self.read.get("kind") not in KINDS:
            yield f"read has the kind {self.read.get('kind')!r}, expected one of {', '.join(KINDS)}."
        if not self.stream and not self.register:
            yield "it leads nowhere; name a stream, a register, or both."
        if self.stream and not self.columns:
            yield "columns are missing: the stream's column → the source's."
        if self.register and not self.register_key:
            yield "register_key is missing: the source's column with the entity's key."
        if self.drift not in ("stop", "go_on"):
            yield f"drift {self.drift!r} is not stop or go_on."

    def as_spec(self, qualify: Callable[[str], str]) -> dict[str, Any]:
        """Return the source as plain values, as a file would say it. qualify: a key of the pack → its qualified form."""
        said: dict[str, Any] = {"key": self.key, "name": self.name, "address": self.address, "read": dict(self.read)}
        if self.stream:
            said["stream"] = {"to": qualify(self.stream), "columns": dict(self.columns or {})}
        if self.register:
            columns = dict(self.register_columns or {})
            said["register"] = {"to": qualify(self.register), "key": self.register_key, "columns": columns}
        for name in ("every", "cron", "late_after", "deletions", "drift", "time_zone"):
            if value := getattr(self, name):
                said[name] = value
        return said
