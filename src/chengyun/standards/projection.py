# SPDX-License-Identifier: Apache-2.0
"""Gauss-Krüger with three-degree zones on CGCS2000, in which surveyors and planners give their files.

EPSG 4534 to 4554 are the zones with central meridians 75° to 135° E, three degrees apart, without a zone number in the
easting: 4549 is 120° E and 4550 is 123° E. Ningbo lies in both, divided at 121.5° E.

Source: the EPSG dataset for zones and codes; Krüger's series to the fourth power of the third flattening, far better
than a millimetre within four degrees of the meridian. Ellipsoid CGCS2000: a = 6378137 m, f = 1/298.257222101.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

MERIDIANS = {f"EPSG:{4534 + number}": 75 + 3 * number for number in range(21)}
"""Central meridian of each zone, degrees east, by EPSG code."""

_FLATTENING = 1 / 298.257222101
_E = float(np.sqrt(_FLATTENING * (2 - _FLATTENING)))
_N = _FLATTENING / (2 - _FLATTENING)
_RADIUS_M = 6378137.0 / (1 + _N) * (1 + _N**2 / 4 + _N**4 / 64)
_FALSE_EASTING_M = 500_000.0
_ALPHA = (
    _N / 2 - 2 / 3 * _N**2 + 5 / 16 * _N**3 + 41 / 180 * _N**4,
    13 / 48 * _N**2 - 3 / 5 * _N**3 + 557 / 1440 * _N**4,
    61 / 240 * _N**3 - 103 / 140 * _N**4,
    49561 / 161280 * _N**4,
)
_BETA = (
    _N / 2 - 2 / 3 * _N**2 + 37 / 96 * _N**3 - 1 / 360 * _N**4,
    1 / 48 * _N**2 + 1 / 15 * _N**3 - 437 / 1440 * _N**4,
    17 / 480 * _N**3 - 37 / 840 * _N**4,
    4397 / 161280 * _N**4,
)
_ROUNDS = 8
"""Each round of the latitude gains two to three digits."""


def to_grid(lon: Floats, lat: Floats, meridian: float) -> tuple[Floats, Floats]:
    """Return easting and northing in metres of a position in degrees."""
    phi, lam = np.radians(lat), np.radians(lon - meridian)
    t = np.sinh(np.arctanh(np.sin(phi)) - _E * np.arctanh(_E * np.sin(phi)))
    xi0, eta0 = np.arctan2(t, np.cos(lam)), np.arcsinh(np.sin(lam) / np.hypot(t, np.cos(lam)))
    xi, eta = xi0, eta0
    for number, share in enumerate(_ALPHA, start=1):
        xi = xi + share * np.sin(2 * number * xi0) * np.cosh(2 * number * eta0)
        eta = eta + share * np.cos(2 * number * xi0) * np.sinh(2 * number * eta0)
    return _FALSE_EASTING_M + _RADIUS_M * eta, _RADIUS_M * xi


def from_grid(easting: Floats, northing: Floats, meridian: float) -> tuple[Floats, Floats]:
    """Return the position in degrees of an easting and northing in metres."""
    xi, eta = northing / _RADIUS_M, (easting - _FALSE_EASTING_M) / _RADIUS_M
    xi0, eta0 = xi, eta
    for number, share in enumerate(_BETA, start=1):
        xi0 = xi0 - share * np.sin(2 * number * xi) * np.cosh(2 * number * eta)
        eta0 = eta0 - share * np.cos(2 * number * xi) * np.sinh(2 * number * eta)
    conformal = np.arctanh(np.sin(xi0) / np.cosh(eta0))
    sine = np.tanh(conformal)
    for _ in range(_ROUNDS):
        sine = np.tanh(conformal + _E * np.arctanh(_E * sine))
    return meridian + np.degrees(np.arctan2(np.sinh(eta0), np.cos(xi0))), np.degrees(np.arcsin(sine))
