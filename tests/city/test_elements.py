# SPDX-License-Identifier: Apache-2.0
"""Data elements: said once, bound to by any entity, wrong ones found at start."""

from __future__ import annotations

import pytest

from chengyun.city import DataElement, Entity
from chengyun.errors import Misdeclared


def test_an_element_says_what_a_field_means() -> None:
    one = DataElement("person.name", "姓名", "C", length=50, source="population.person.name", personal=True)
    bound = Entity("elder", "老人", model="Elder", one_row_is="一位老人", elements={"name": one.key})
    assert bound.elements["name"] == "person.name"
    assert Entity("lot", "车场", model="Lot", one_row_is="一处车场").elements == {}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"key": "name"}, "thing.property"),
        ({"type": "X"}, "type 'X' is not one of C, N"),
        ({"length": 0}, "length is 0"),
        ({"source": "person"}, "pack.dataset.field"),
    ],
)
def test_a_wrong_element_is_refused(given: dict[str, object], says: str) -> None:
    with pytest.raises(Misdeclared, match=says):
        DataElement(**{"key": "person.name", "name": "姓名", "type": "C", **given})  # type: ignore[arg-type]


def test_a_binding_to_no_element_is_refused() -> None:
    with pytest.raises(Misdeclared, match=r"binds 'name' to 'Name'"):
        Entity("elder", "老人", model="Elder", one_row_is="一位老人", elements={"name": "Name"})
