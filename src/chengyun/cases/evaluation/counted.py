# SPDX-License-Identifier: Apache-2.0
"""What is counted of cases, and the bit each count has in a row of what was counted.

A case that takes part in a period leaves one row for each unit it is counted for; the row's `counted` holds a bit for every
count the case is part of. Rates add bits up. The order is part of what is stored: add at the end, never reorder.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from django.utils.translation.trans_null import gettext_noop as _  # asks for no settings: the benches load this before any

__all__ = ["BIT", "COUNTS", "Counts", "add_up", "names_of"]

COUNTS: Mapping[str, str] = {
    "reported": _("监督员上报数"),
    "reported_valid": _("监督员有效上报数"),
    "missed": _("漏报数"),
    "filed": _("立案数"),
    "filed_on_time": _("按时立案数"),
    "voided": _("作废数"),
    "verify_due": _("应核实数"),
    "verified_on_time": _("按时核实数"),
    "check_due": _("应核查数"),
    "checked_on_time": _("按时核查数"),
    "send_verify_due": _("应派发核实数"),
    "sent_verify_on_time": _("按时派发核实数"),
    "send_check_due": _("应派发核查数"),
    "sent_check_on_time": _("按时派发核查数"),
    "accepted": _("受理数"),
    "dispatched": _("派遣数"),
    "dispatch_due": _("应派遣数"),
    "dispatched_on_time": _("按时派遣数"),
    "sent_back": _("派遣返工数"),
    "handle_due": _("应处置数"),
    "handled": _("处置数"),
    "handled_on_time": _("按期处置数"),
    "overdue_open": _("超期未处置数"),
    "extended": _("延期数"),
    "reworked": _("返工数"),
    "close_due": _("应结案数"),
    "closed": _("结案数"),
    "closed_on_time": _("按期结案数"),
    "complaint_upheld": _("监督举报核实数"),
    "rated": _("回访有效数"),
    "satisfied": _("满意数"),
    "closings": _("办结数"),
    "closed_doubtful": _("疑似虚假结案数"),
    "reopened_early": _("结案后重开数"),
    "ratings": _("评价数"),
    "rating_doubtful": _("疑似诱导评价数"),
    "assigned": _("受派数"),
    "shifted": _("改类放宽数"),
    "split_part": _("疑似拆分数"),
    "hard_assigned": _("受派难案数"),
    "hard_returned": _("退回难案数"),
    "reworked_handled": _("返工数（按应处置）"),
}
"""Key → the reference's word, or ours for what detectors.py asks. Only cases whose clock is not suspended (挂账) at the period's
end are due anything."""

OF_RATINGS = frozenset({"rated", "satisfied"})
CREDITED = frozenset({"handled", "handled_on_time", "closed", "closed_on_time"})
"""Counts that are to a unit's credit because the case was closed: a doubted closing counts for as much as it is believed."""

BIT: Mapping[str, int] = {key: place for place, key in enumerate(COUNTS)}

Counts = Mapping[str, int]


def add_up(patterns: npt.NDArray[np.int64], times: npt.NDArray[np.int64]) -> dict[str, int]:
    """Return how often each count occurs in patterns of bits that occur so many times."""
    return {key: int(times[(patterns >> bit) & 1 == 1].sum()) for key, bit in BIT.items()}


def names_of(pattern: int) -> tuple[str, ...]:
    """Return the counts a pattern of bits is part of."""
    return tuple(key for key, bit in BIT.items() if pattern >> bit & 1)
