# SPDX-License-Identifier: Apache-2.0
"""A workbook that could end the process is opened by another one first, which may end.

Bytes of an xls or xlsb that were changed at random can make the library ask for tens of gigabytes before anything is read, and
Rust then aborts: nothing can be caught. What opens there within bounds opens here, for it is the same library and the same file.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, BinaryIO

from chengyun.errors import Malformed

__all__ = ["hold"]

PROGRAM = Path(__file__).with_name("opened.py")
MOST_BYTES = 3 * 2**30
"""Of address space: four times what the largest sheet of an xls takes."""
CPU_S = 120
WITHIN_S = 300.0
"""By the clock, on a machine that is busy with other things."""


def hold(file: BinaryIO, name: str, *, most_bytes: int = MOST_BYTES, within_s: float = WITHIN_S) -> None:
    """Return when a workbook can be opened within bounds, the file at its beginning. Raises Malformed when it cannot."""
    file.seek(0)
    with tempfile.TemporaryFile() as copy:
        given: IO[bytes] = file
        try:
            file.fileno()
        except OSError:  # it lies in memory, which another process cannot read
            shutil.copyfileobj(file, copy)
            copy.seek(0)
            given = copy
        try:
            done = subprocess.run(
                [sys.executable, "-I", PROGRAM, str(most_bytes), str(CPU_S)], stdin=given, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, timeout=within_s, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as late:
            raise _cannot(name, f"opening it took more than {within_s:.0f} s") from late
    file.seek(0)
    if done.returncode:
        raise _cannot(name, f"opening it takes more than {most_bytes / 2**30:.1f} GB or {CPU_S} s of a processor")


def _cannot(name: str, why: str) -> Malformed:
    return Malformed(f"{name} cannot be read: {why}; it may be damaged. Save it again as .xlsx.", code="workbook", file=name)
