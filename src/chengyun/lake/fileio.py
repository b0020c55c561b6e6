# SPDX-License-Identifier: Apache-2.0
"""PyIceberg's way to files, through the places of sealed tables: small metadata, written durably, read from copies."""

from __future__ import annotations

import io
from typing import Self

from pyiceberg.io import FileIO, InputFile, InputStream, OutputFile, OutputStream

from chengyun.lake import faults, places
from chengyun.lake.places import path_of

__all__ = ["PlaceIO"]


class PlaceIO(FileIO):
    """Reads and writes what Iceberg names; PyIceberg makes one by its name for every table."""

    def new_input(self, location: str) -> InputFile:
        return _Input(location)

    def new_output(self, location: str) -> OutputFile:
        return _Output(location)

    def delete(self, location: str | InputFile | OutputFile) -> None:
        path = path_of(location if isinstance(location, str) else location.location)
        places.place_of(path).remove(path)


class _Input(InputFile):
    def __len__(self) -> int:
        return places.local_path(path_of(self.location)).stat().st_size

    def exists(self) -> bool:
        path = path_of(self.location)
        return places.place_of(path).size(path) is not None

    def open(self, seekable: bool = True) -> InputStream:  # noqa: ARG002  a file always does
        return open(places.local_path(path_of(self.location)), "rb")


class _Output(OutputFile):
    def __len__(self) -> int:
        return len(self.to_input_file())

    def exists(self) -> bool:
        return self.to_input_file().exists()

    def to_input_file(self) -> InputFile:
        return _Input(self.location)

    def create(self, overwrite: bool = False) -> OutputStream:  # noqa: ARG002
        # Every file Iceberg writes has a name of its own, so that there is nothing to overwrite.
        return _Written(path_of(self.location))


class _Written:
    """What is written, kept when it is closed in good order; metadata is small."""

    def __init__(self, path: str) -> None:
        self._path, self._content, self._open = path, io.BytesIO(), True

    def write(self, content: bytes) -> int:
        return self._content.write(content)

    def tell(self) -> int:
        return self._content.tell()

    def flush(self) -> None:
        """Nothing is there before it is whole."""

    def close(self) -> None:
        if not self._open:
            return
        self._open = False
        places.place_of(self._path).write(self._path, self._content.getvalue())
        if self._path.endswith(".metadata.json"):
            faults.step("metadata-written")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._open = self._open and kind is None
        self.close()
