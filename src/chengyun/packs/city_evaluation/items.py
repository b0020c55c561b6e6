# SPDX-License-Identifier: Apache-2.0
"""The second level of the 2016 evaluation of new smart cities (GB/T 33356): what a city reports of itself, item by item."""

from __future__ import annotations

from typing import NamedTuple


class Item(NamedTuple):
    """An item of the second level, the dimension of the first it belongs to, and its weight of 100 in 2016.

    The first level's weights were checked against a copy of the notice; these were not, but they sum to the first level's.
    """

    dimension: str
    key: str
    name: str
    weight: int


DIMENSIONS = {
    "citizens": "惠民服务",
    "governance": "精准治理",
    "environment": "生态宜居",
    "facilities": "智能设施",
    "information": "信息资源",
    "security": "网络安全",
    "reform": "改革创新",
    "experience": "市民体验",
}

ITEMS = (
    Item("citizens", "government", "政务服务", 8),
    Item("citizens", "traffic", "交通服务", 3),
    Item("citizens", "insurance", "社保服务", 3),
    Item("citizens", "health", "医疗服务", 3),
    Item("citizens", "education", "教育服务", 3),
    Item("citizens", "employment", "就业服务", 3),
    Item("citizens", "city_services", "城市服务", 7),
    Item("citizens", "assistance", "帮扶服务", 5),
    Item("citizens", "commerce", "电商服务", 2),
    Item("governance", "management", "城市管理", 4),
    Item("governance", "safety", "公共安全", 5),
    Item("environment", "protection", "智慧环保", 4),
    Item("environment", "energy", "绿色节能", 4),
    Item("facilities", "broadband", "宽带网络设施", 4),
    Item("facilities", "spatial", "时空信息平台", 3),
    Item("information", "opening", "开放共享", 4),
    Item("information", "use", "开发利用", 3),
    Item("security", "security_management", "网络安全管理", 4),
    Item("security", "data_security", "系统与数据安全", 4),
    Item("reform", "institutions", "体制机制", 4),
    Item("experience", "survey", "市民体验调查", 20),
)
