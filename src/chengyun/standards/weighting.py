# SPDX-License-Identifier: Apache-2.0
"""Weights of the parts of a composite: compared in pairs (AHP), by entropy, by principal components.

Weights that come out of data are worked out of scores: a row an area, a column a part, higher is better. All weights sum
to one.

Standard: OECD/JRC, Handbook on Constructing Composite Indicators (2008), step 6; Saaty, The Analytic Hierarchy Process
(1980), chapter 3; Shannon (1948) for the entropy of a share.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

__all__ = ["CONSISTENT", "LEAST_ROWS", "Matrix", "ahp", "entropy", "judgements", "principal"]

Matrix = Sequence[Sequence[float]]

CONSISTENT = 0.1
"""The largest consistency ratio at which judgements may be used (Saaty 1980)."""
RANDOM_INDEX = (0.0, 0.0, 0.58, 0.90, 1.12, 1.24, 1.32, 1.41, 1.45, 1.49, 1.51, 1.48, 1.56, 1.57, 1.59)
"""Mean consistency index of random judgements of 1 to 15 things (Saaty 1980, table 3-1)."""
LEAST_ROWS = 3
"""Of fewer areas nothing can be said about how a part varies."""


def judgements(keys: Sequence[str], compared: Mapping[tuple[str, str], float]) -> list[list[float]]:
    """Return the reciprocal matrix of judgements "first is so many times as important as second".

    Raises ValueError with a sentence when a pair is missing, stands twice, is unknown or no positive number.
    """
    size, place = len(keys), {key: number for number, key in enumerate(keys)}
    if size > len(RANDOM_INDEX):
        raise ValueError(f"{size} things are compared, at most {len(RANDOM_INDEX)} can be.")
    matrix = [[1.0 if row == column else 0.0 for column in range(size)] for row in range(size)]
    for (first, second), times in compared.items():
        unknown = [key for key in (first, second) if key not in place]
        if unknown or first == second:
            raise ValueError(f"({first!r}, {second!r}) does not compare two of {', '.join(keys)}.")
        if not times > 0:
            raise ValueError(f"({first!r}, {second!r}) is {times!r}, expected a number above zero, 1/9 to 9.")
        row, column = place[first], place[second]
        if matrix[row][column]:
            raise ValueError(f"({first!r}, {second!r}) stands twice.")
        matrix[row][column], matrix[column][row] = float(times), 1.0 / times
    for row in range(size):
        for column in range(row):
            if not matrix[row][column]:
                raise ValueError(f"({keys[column]!r}, {keys[row]!r}) is not compared; every pair must be.")
    return matrix


def ahp(matrix: Matrix) -> tuple[list[float], float]:
    """Return the weights of a reciprocal matrix of judgements, its principal eigenvector, and the consistency ratio.

    By repeated multiplication, whose every step is exact to the last bit on any machine, so that weights come out again.
    """
    size = len(matrix)
    weights = [1.0 / size] * size
    for _ in range(1000):
        product = [math.fsum(cell * weight for cell, weight in zip(row, weights, strict=True)) for row in matrix]
        whole = math.fsum(product)
        fresh = [one / whole for one in product]
        moved = max(abs(new - old) for new, old in zip(fresh, weights, strict=True))
        weights = fresh
        if moved < 1e-15:
            break
    if size < 3:
        return weights, 0.0
    product = [math.fsum(cell * weight for cell, weight in zip(row, weights, strict=True)) for row in matrix]
    largest = math.fsum(one / weight for one, weight in zip(product, weights, strict=True)) / size
    return weights, max(0.0, (largest - size) / (size - 1)) / RANDOM_INDEX[size - 1]


def entropy(scores: Matrix) -> list[float] | None:
    """Return weights by how unevenly each part's scores lie among the areas; None with fewer than three areas.

    A part all areas score alike in says nothing and weighs nothing; when that is all of them, they weigh the same.
    scores: none below zero.
    """
    rows = len(scores)
    if rows < LEAST_ROWS:
        return None
    diversity = []
    for column in zip(*scores, strict=True):
        whole = math.fsum(column)
        shares = [score / whole for score in column] if whole > 0 else [1.0 / rows] * rows
        spread = -math.fsum(share * math.log(share) for share in shares if share > 0) / math.log(rows)
        # Equal shares have an entropy of one but for the last bits, which must not become a weight.
        diversity.append(0.0 if 1.0 - spread < 1e-12 else 1.0 - spread)
    return _shares(diversity)


def principal(scores: Matrix, explained: float = 0.85) -> list[float] | None:
    """Return weights by principal components of the parts' correlations; None with fewer than three areas.

    The components that together explain so large a share of the variance are kept, the largest first. A part's weight is
    its squared loadings on them, each component counted as much as it explains: Σ λₖ·vⱼₖ² / Σ λₖ. Squared loadings of a
    component sum to one, so the weights do. A part that does not vary weighs nothing.
    """
    if len(scores) < LEAST_ROWS:
        return None
    import numpy as np  # a large library that declaring an index must not load

    table = np.asarray(scores, dtype=np.float64)
    varying = np.ptp(table, axis=0) > 1e-12
    if varying.sum() < 2:
        return _shares(varying.astype(float).tolist())
    correlations = np.corrcoef(table[:, varying], rowvar=False)
    values, vectors = np.linalg.eigh(correlations)
    values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
    shares = np.cumsum(values) / values.sum()
    kept = int(np.searchsorted(shares, explained - 1e-12)) + 1
    squared = (vectors[:, :kept] ** 2 * values[:kept]).sum(axis=1)
    weights = np.zeros(table.shape[1])
    weights[varying] = squared
    return _shares(weights.tolist())


def _shares(amounts: Sequence[float]) -> list[float]:
    whole = math.fsum(amounts)
    return [amount / whole for amount in amounts] if whole > 0 else [1.0 / len(amounts)] * len(amounts)
