# SPDX-License-Identifier: Apache-2.0
"""Many questions asked at once: how many of the striking answers may be chance.

Benjamini and Hochberg, Journal of the Royal Statistical Society B 57 (1995): of what is reported at level q, a share of at
most q is expected to be false. Signs about one unit are mostly positively related, for which the bound holds as well
(Benjamini and Yekutieli 2001).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["adjusted"]


def adjusted(p_values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return each p-value as the smallest level at which it would be reported: q-values, in the order given."""
    p = np.asarray(p_values, float)
    order = np.argsort(p, kind="stable")
    stepped = p[order] * p.size / np.arange(1, p.size + 1)
    found = np.empty_like(p)
    found[order] = np.minimum(1.0, np.minimum.accumulate(stepped[::-1])[::-1])
    return found
