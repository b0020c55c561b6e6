# SPDX-License-Identifier: Apache-2.0
"""Which columns of the rows each column of a figure is made of, for lineage; see Rule.made_of. A test holds them to the rules.

Simulated stations stand back where there are real ones, so whatever is made of several rows is made of `simulated` too.
"""

from __future__ import annotations

from chengyun.packs.air_quality.rules import POLLUTANTS

MEANS_24H = ("so2", "no2", "co", "pm10", "pm25")
ASSESSED = (
    "so2_mean", "so2_p98", "no2_mean", "no2_p98", "pm10_mean", "pm10_p95", "pm25_mean", "pm25_p95", "co_p95", "o3_p90",
)  # fmt: skip
OZONE = ("o3_hours", "o3_values")
COUNTS = tuple(f"{name}_n" for name in POLLUTANTS)
DAY_SUMS = tuple(f"{name}_{part}" for name in MEANS_24H for part in ("sum", "n"))

OF_HOURS = {
    **{f"{name}_1h": (f"{name}_sum", f"{name}_n", "simulated") for name in POLLUTANTS},
    **{f"iaqi_{name}": (f"{name}_sum", f"{name}_n", "simulated") for name in POLLUTANTS},
    "stations": ("stations", "simulated"),
    "simulated": ("simulated",),
    "coverage": (*COUNTS, "stations", "simulated"),
}

OF_DAYS = {
    **{f"{name}_24h": (f"{name}_sum", f"{name}_n", "simulated") for name in MEANS_24H},
    **{f"iaqi_{name}": (f"{name}_sum", f"{name}_n", "simulated") for name in MEANS_24H},
    **dict.fromkeys(("o3_8h", "o3_1h", "iaqi_o3"), (*OZONE, "simulated")),
    **dict.fromkeys(("aqi", "level", "primary", "exceeded", "exact"), (*DAY_SUMS, *OZONE, "simulated")),
    **dict.fromkeys(("stations", "simulated_stations", "simulated"), ("simulated",)),
    "coverage": (*COUNTS, "simulated"),
}

OF_REPORTS = {
    **{f"{name}_24h": (name,) for name in MEANS_24H},
    **{f"iaqi_{name}": (name,) for name in MEANS_24H},
    **dict.fromkeys(("o3_8h", "iaqi_o3"), ("o3_8h",)),
    **dict.fromkeys(("aqi", "level", "primary", "exceeded", "coverage"), (*MEANS_24H, "o3_8h")),
    "published_aqi": ("published_aqi",),
    "simulated": ("simulated",),
}

OF_SPANS = {
    **{f"{item}{over}": (item.split("_")[0],) for item in ASSESSED for over in ("", "_over")},
    **dict.fromkeys(("composite_index", "over_limit"), tuple(POLLUTANTS)),
    **{name: (name,) for name in ("days", "coverage", "simulated")},
}
