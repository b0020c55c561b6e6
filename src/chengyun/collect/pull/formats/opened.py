# SPDX-License-Identifier: Apache-2.0
"""Run alone, with a workbook as its standard input: opens it and takes every cell, within bounds; ends well if that can be done.

    python -I opened.py BYTES SECONDS < book.xls

Imports nothing of this program: it must be small, and what it does to itself must be all that happens.
"""

from __future__ import annotations

import resource
import sys

OUT_OF_MEMORY = 3
KNOWN = ("PasswordError", "CalamineError", "PanicException")
"""What whoever reads the file next meets again, and tells in words."""


def main() -> int:
    most_bytes, seconds = int(sys.argv[1]), int(sys.argv[2])
    import python_calamine as calamine

    resource.setrlimit(resource.RLIMIT_AS, (most_bytes, most_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        with open(0, "rb") as file, calamine.CalamineWorkbook.from_filelike(file) as book:
            for name in book.sheet_names:
                for _ in book.get_sheet_by_name(name).iter_rows():
                    pass
    except MemoryError:
        return OUT_OF_MEMORY
    except BaseException as wrong:
        if not {it.__name__ for it in type(wrong).__mro__} & {*KNOWN, "OSError", "ValueError"}:
            raise
    return 0


if __name__ == "__main__":
    sys.exit(main())
