# SPDX-License-Identifier: Apache-2.0
"""Places beside which things matter more, as a layer of the city's map."""

from __future__ import annotations

from chengyun.city import MapLayer, Page

FACILITIES = Page(key="facilities", name="公共场所", panels=[MapLayer("公共场所", entity="facility")])

PAGES = (FACILITIES,)
