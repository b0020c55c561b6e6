# SPDX-License-Identifier: Apache-2.0
"""Every what-if model there is."""

from __future__ import annotations

from collections.abc import Mapping

from chengyun.govern.whatif.allocation import ALLOCATION
from chengyun.govern.whatif.declared import Model
from chengyun.govern.whatif.siting import SITING
from chengyun.govern.whatif.staffing import STAFFING
from chengyun.govern.whatif.traffic import TRAFFIC

__all__ = ["MODELS"]

MODELS: Mapping[str, Model] = {one.key: one for one in (ALLOCATION, SITING, STAFFING, TRAFFIC)}
