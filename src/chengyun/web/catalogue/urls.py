# SPDX-License-Identifier: Apache-2.0
"""Addresses of the catalogue's pages."""

from __future__ import annotations

from django.urls import URLPattern, path, register_converter

from chengyun.web.catalogue import addresses, boards, browse, editing, elements, resource, reviewing, transfer


class OwnDeed:
    """What an author does with a change."""

    regex = "submit|discard"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class ReviewDeed(OwnDeed):
    """What a reviewer does with a change."""

    regex = "accept|return"


class AddressDeed(OwnDeed):
    """What is done with the address of a foreign catalogue."""

    regex = "read|pause|resume|remove"


class LineDeed(OwnDeed):
    """What is done with a line of a list."""

    regex = "match|decline|strike"


register_converter(OwnDeed, "catalogue_own")
register_converter(ReviewDeed, "catalogue_review")
register_converter(AddressDeed, "catalogue_address")
register_converter(LineDeed, "catalogue_line")

urlpatterns: list[URLPattern] = [
    path("catalogue", browse.catalogue, name="catalogue"),
    path("catalogue/counts", browse.catalogue_counts, name="catalogue-counts"),
    path("catalogue/new", editing.new, name="catalogue-new"),
    path("catalogue/r/<str:key>", resource.resource, name="catalogue-resource"),
    path("catalogue/r/<str:key>/edit", editing.edit, name="catalogue-edit"),
    path("catalogue/r/<str:key>/provider", resource.provider, name="catalogue-provider"),
    path("catalogue/r/<str:key>/withdraw", resource.withdraw, name="catalogue-withdraw"),
    path("catalogue/r/<str:key>/restore/<int:number>", resource.restore, name="catalogue-restore"),
    path("catalogue/reviews", reviewing.reviews, name="catalogue-reviews"),
    path("catalogue/revisions/<int:number>", reviewing.revision, name="catalogue-revision"),
    path("catalogue/revisions/<int:number>/<catalogue_own:deed>", reviewing.act, name="catalogue-act"),
    path("catalogue/revisions/<int:number>/<catalogue_review:deed>", reviewing.settle, name="catalogue-settle"),
    path("catalogue/lists", boards.three_lists, name="catalogue-lists"),
    path("catalogue/lists/add", boards.add_line, name="catalogue-line-add"),
    path("catalogue/lists/<int:number>/<catalogue_line:deed>", boards.settle_line, name="catalogue-line"),
    path("catalogue/elements", elements.elements, name="catalogue-elements"),
    path("catalogue/elements/new", elements.new, name="catalogue-element-new"),
    path("catalogue/elements/changes/<int:number>", elements.change, name="catalogue-element-change"),
    path("catalogue/elements/changes/<int:number>/discard", elements.take_back, name="catalogue-element-take-back"),
    path("catalogue/elements/changes/<int:number>/<catalogue_review:deed>", elements.settle, name="catalogue-element-settle"),
    path("catalogue/elements/e/<str:key>", elements.element, name="catalogue-element"),
    path("catalogue/elements/e/<str:key>/edit", elements.edit, name="catalogue-element-edit"),
    path("catalogue/elements/e/<str:key>/retire", elements.retire, name="catalogue-element-retire"),
    path("catalogue/elements/e/<str:key>/bind", elements.bind, name="catalogue-element-bind"),
    path("catalogue/duplicates", boards.second_sources, name="catalogue-duplicates"),
    path("catalogue/timeliness", boards.timeliness, name="catalogue-timeliness"),
    path("catalogue/transfer", transfer.transfer, name="catalogue-transfer"),
    path("catalogue/transfer/catalogue.xlsx", transfer.sheet, name="catalogue-sheet"),
    path("catalogue/transfer/import", transfer.bring, name="catalogue-import"),
    path("catalogue/transfer/harvest", transfer.gather, name="catalogue-gather"),
    path("catalogue/addresses", addresses.keep, name="catalogue-address-keep"),
    path("catalogue/addresses/<str:origin>", addresses.address, name="catalogue-address"),
    path("catalogue/addresses/<str:origin>/<catalogue_address:deed>", addresses.act, name="catalogue-address-act"),
    path("catalogue/harvests/<int:number>", transfer.harvest, name="catalogue-harvest"),
    path("catalogue/terms", transfer.terms, name="catalogue-terms"),
]
