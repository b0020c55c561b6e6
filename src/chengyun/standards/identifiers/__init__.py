# SPDX-License-Identifier: Apache-2.0
"""Identifiers by their standards: read one, and get its plain form or a sentence that says what is wrong and where.

Nothing is guessed but what typing does to a code: spaces around it, full-width characters, small letters.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping

from chengyun.standards.chinese_numbers import half_width
from chengyun.standards.identifiers.goods import BANK_CARD, DRUG_TRACE, GTIN, read_bank_card, read_drug_trace, read_gtin
from chengyun.standards.identifiers.organisations import ORGANISATION_CODE, USCC, read_organisation_code, read_uscc
from chengyun.standards.identifiers.persons import IDENTITY_NUMBER, read_identity_number
from chengyun.standards.identifiers.phones import PHONE, read_phone
from chengyun.standards.identifiers.places import (
    COMPONENT,
    GRID,
    REAL_ESTATE_UNIT,
    read_component,
    read_grid,
    read_real_estate_unit,
)
from chengyun.standards.identifiers.results import Fault, Identifier, Kind, Result
from chengyun.standards.identifiers.vehicles import PLATE, VIN, read_plate, read_vin

__all__ = ["KINDS", "Fault", "Identifier", "Kind", "Result", "fault", "read"]

BEIJING = dt.timezone(dt.timedelta(hours=8))
_READERS: dict[str, tuple[Kind, Callable[[str, dt.date], Result]]] = {
    "uscc": (USCC, lambda text, _: read_uscc(text)),
    "organisation_code": (ORGANISATION_CODE, lambda text, _: read_organisation_code(text)),
    "identity_number": (IDENTITY_NUMBER, read_identity_number),
    "plate": (PLATE, lambda text, _: read_plate(text)),
    "vin": (VIN, lambda text, _: read_vin(text)),
    "phone": (PHONE, lambda text, _: read_phone(text)),
    "gtin": (GTIN, lambda text, _: read_gtin(text)),
    "drug_trace": (DRUG_TRACE, lambda text, _: read_drug_trace(text)),
    "bank_card": (BANK_CARD, lambda text, _: read_bank_card(text)),
    "real_estate_unit": (REAL_ESTATE_UNIT, lambda text, _: read_real_estate_unit(text)),
    "grid": (GRID, lambda text, _: read_grid(text)),
    "component": (COMPONENT, lambda text, _: read_component(text)),
}
KINDS: Mapping[str, Kind] = {key: kind for key, (kind, _) in _READERS.items()}
"""Every kind there is; a `Text(check=…)` names one of them."""


def read(kind: str, text: str, today: dt.date | None = None) -> Result:
    """Return what an identifier is, or its first fault. today: for dates of birth; None: the clock's."""
    plain = half_width(text)
    if kind != "drug_trace":
        plain = plain.upper()
    return _READERS[kind][1](plain, today or dt.datetime.now(BEIJING).date())


def fault(kind: str, text: str, today: dt.date | None = None) -> Fault | None:
    """Return what is wrong with an identifier; None: nothing."""
    found = read(kind, text, today)
    return found if isinstance(found, Fault) else None
