# SPDX-License-Identifier: Apache-2.0
"""Official figures: editions and revisions, growth, season; and the yearbooks of the Yangtze delta."""

from __future__ import annotations

import io
import math
from decimal import Decimal
from pathlib import Path

import pytest

from chengyun.access.actors import SYSTEM
from chengyun.city import Malformed
from chengyun.packs.macro_economy import feeds
from chengyun.packs.macro_economy.models import Figure, Series
from chengyun.share.registers.loading import load_register
from chengyun.share.registers.series import adjusted, points


def test_a_figure_without_its_edition_is_set_aside() -> None:
    head = "序列编码,时期,公布日期,数值,备注\n"
    text = f"{head}gdp.330200.A,2023,,100,\ngdp.330200.A,2023年,2024-01-20,100,\ngdp.330200.A,2023,2024-01-20,1e400x,\n"
    found = list(feeds.read_figures(io.BytesIO(text.encode()), "figures.csv"))
    assert all(isinstance(one, Malformed) for one in found)
    assert "without its edition" in found[0].sentence  # type: ignore[union-attr]
    assert "expected a period" in found[1].sentence  # type: ignore[union-attr]
    assert "is not a number" in found[2].sentence  # type: ignore[union-attr]


def test_the_newest_edition_counts_and_the_first_stays_beside_it() -> None:
    one, two = points(
        [("2023", "2024-12-01", Decimal(90)), ("2024", "2025-01-20", Decimal(99)), ("2023", "2024-01-20", Decimal(88))]
    )
    assert (one.value, one.editions[0][1], one.revised) == (Decimal(90), Decimal(88), True)
    assert two.growth == pytest.approx(0.1)
    assert not two.revised


def test_the_season_is_taken_out_of_months_and_of_nothing_else() -> None:
    pytest.importorskip("statsmodels")
    months = [
        (
            f"{2018 + at // 12}-{at % 12 + 1:02d}",
            "2026-01-01",
            Decimal(str(round(100 * 1.005**at * (1 + 0.2 * math.sin(at % 12)), 4))),
        )
        for at in range(60)
    ]
    smooth = adjusted(points(months))
    assert smooth is not None
    assert max(abs(value / (100 * 1.005**at) / (smooth[0] / 100) - 1) for at, value in enumerate(smooth)) < 0.05
    assert adjusted(points(months[:30])) is None
    assert adjusted(points(months[:10] + months[11:])) is None
    assert adjusted(points([("2023", "2024-01-01", Decimal(1))])) is None


@pytest.mark.django_db
def test_the_yearbooks_of_the_yangtze_delta(shared: Path) -> None:
    """Ningbo from 1978 to 2023; what one file a city says and one file an indicator says is the same."""
    folder = shared / "data" / "economy-yangtze-delta"
    loaded = load_register(SYSTEM, "macro_economy.yangtze_delta", [folder / "宁波.csv"])
    assert loaded.dead == {}
    figures = dict(Figure.objects.filter(series="gdp.330200.A").values_list("period", "value"))
    assert (len(figures), figures["1978"], figures["2023"]) == (46, Decimal("20.17"), Decimal("16452.83"))
    both = load_register(SYSTEM, "macro_economy.yangtze_delta", sorted(folder.glob("ydm-city-[gp]*.csv")))
    assert both.dead == {}
    assert Series.objects.count() == 52
    assert Figure.objects.filter(series="population.330200.A", period="2023").get().value == Decimal("622.17")
