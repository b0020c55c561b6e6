# SPDX-License-Identifier: Apache-2.0
"""Files as departments send them: bytes in, typed columns and located faults out. No network, no clock, bounded memory.

    csv tsv txt   xlsx xlsm xlsb xls ods   geojson shp(zip) gpkg kml   parquet   gtfs(zip)   gtfs-rt   gbfs   cap   rss atom

`read_table(file, name, options)` yields the tables of a file; what the columns mean is declared by a `TableShape` in the options
or, without one, told from the first rows. A cell that does not fit is a `Fault` that names its place, what was found and what was
expected; its value is withheld. See docs/files.md.
"""

from chengyun.collect.pull.formats.options import Options
from chengyun.collect.pull.formats.reader import FORMATS, format_of, read_table, reader_for
from chengyun.collect.pull.formats.shape import ColumnShape, Match, TableShape, match
from chengyun.collect.pull.formats.tables import LINE, Aside, Column, Fault, Findings, Table

__all__ = [
    "FORMATS", "LINE", "Aside", "Column", "ColumnShape", "Fault", "Findings", "Match", "Options", "Table", "TableShape",
    "format_of", "match", "read_table", "reader_for",
]  # fmt: skip
