# SPDX-License-Identifier: Apache-2.0
"""The city index after GB/T 33356: weights of the round by date, what is not reported scores 0 and is named."""

from __future__ import annotations

import datetime as dt
import io
from pathlib import Path

import pytest

from chengyun.city import Malformed, Observation
from chengyun.packs.city_evaluation.feeds import HEADER, read_reports
from chengyun.packs.city_evaluation.items import ITEMS


def line(unit: str, year: int, **percent: str) -> str:
    return ",".join([unit, f"单元{unit}", str(year), *(percent.get(item.key, "80") for item in ITEMS)])


def test_a_cell_left_empty_is_no_report_and_a_wrong_line_says_why() -> None:
    text = "\n".join([",".join(HEADER), line("330200", 2016, government=""), line("33", 2016), line("330200", 16), ""])
    good, short, early = [
        row for row in read_reports(io.BytesIO(text.encode()), "reports.csv") if isinstance(row, Observation | Malformed)
    ]
    assert (good.values["government"], good.values["traffic"]) == (None, 80)
    assert "six digits" in short.sentence
    assert "expected YYYY" in early.sentence


def test_the_index_weighs_by_the_round_in_force_and_names_what_is_missing(load, figures, tmp_path: Path) -> None:
    file = tmp_path / "reports.csv"
    rows = [line("330200", 2016, government=""), line("330200", 2019, survey="100", security_management="0", data_security="0")]
    file.write_text("\n".join([",".join(HEADER), *rows, ""]), encoding="utf-8")
    assert load("city_evaluation.reports", file).stored == 2
    found = figures("city_evaluation.city_index")
    # 2016: government services weigh 8 of 100 and are not there; everything else is at 80.
    first = found["330200", "2016-01-01"]
    assert first.value == pytest.approx(0.8 * 92)
    assert first.coverage == pytest.approx(0.92)
    assert first.detail["missing"] == ["government"]
    assert first.detail["editions"] == {"city_index.dimensions": "2016-01-01", "city_index.items": "2016-01-01"}
    # 2018's weights: the survey weighs 40, network security nothing.
    later = found["330200", "2019-01-01"]
    assert later.value == pytest.approx(0.4 * 100 + 0.6 * 80)
    assert (later.coverage, later.detail["missing"]) == (1.0, [])
    assert later.detail["editions"]["city_index.dimensions"] == "2018-01-01"
    assert first.period_start < later.period_start <= dt.datetime(2019, 1, 1, tzinfo=dt.UTC)
