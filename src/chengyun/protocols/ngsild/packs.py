# SPDX-License-Identifier: Apache-2.0
"""The city's own registers as entities, read only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chengyun.access.actors import Actor
from chengyun.city import City
from chengyun.protocols.ngsild.documents import Entity
from chengyun.protocols.ngsild.selecting import Query

if TYPE_CHECKING:
    from chengyun.protocols.ngsild.house import House


class PackEntities:
    def __init__(self, city: City) -> None:
        self.city = city

    def knows(self, name: str) -> bool:
        return False

    def any_of(self, names: list[str]) -> bool:
        return False

    def concerns(self, query: Query) -> bool:
        return False

    async def get(self, house: House, actor: Actor, ids: list[str]) -> dict[str, Entity]:
        return {}

    async def find(self, house: House, actor: Actor, query: Query) -> list[Entity]:
        return []

    async def add_types(
        self, house: House, actor: Actor, counts: dict[str, int], kinds: dict[str, dict[str, set[str]]], having: dict[str, int]
    ) -> None:
        return None
