# SPDX-License-Identifier: Apache-2.0
"""Timeliness against the promised cycle, quality's formula, second sources, and search against a plain reading."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable

import pytest
from django.apps import apps
from django.db import connection
from django.utils import timezone

from chengyun.access.actors import ANONYMOUS, SYSTEM, Actor
from chengyun.access.models import Organisation
from chengyun.collect.quality.models import Score
from chengyun.collect.quality.queries import score_of
from chengyun.share.catalogue import duplicates, freshness, rehearsal
from chengyun.share.catalogue.declared import elements
from chengyun.share.catalogue.listing import write_listings
from chengyun.share.catalogue.models import DataElement, Item, Listing, Resource
from chengyun.share.catalogue.search import counts, search
from chengyun.share.catalogue.sight import visible
from chengyun.share.catalogue.text import fold, question, tokens

NOW = dt.datetime(2026, 11, 22, 4, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("cycle", "age", "said"),
    [
        ("realtime", dt.timedelta(minutes=16.5), "in_time"), ("realtime", dt.timedelta(minutes=16.6), "overdue"),
        ("day", dt.timedelta(hours=26.4), "in_time"), ("day", dt.timedelta(hours=26.5), "overdue"),
        ("week", dt.timedelta(days=7.7), "in_time"), ("month", dt.timedelta(days=34.2), "overdue"),
        ("quarter", dt.timedelta(days=101), "in_time"), ("half_year", dt.timedelta(days=203), "overdue"),
        ("year", dt.timedelta(days=402), "in_time"), ("year", dt.timedelta(days=403), "overdue"),
        ("irregular", dt.timedelta(days=9_999), "not_promised"),
    ],
)  # fmt: skip
def test_an_update_is_overdue_a_tenth_after_its_cycle(cycle: str, age: dt.timedelta, said: str) -> None:
    assert freshness.verdict(cycle, NOW - age, NOW)[0] == said
    assert freshness.verdict(cycle, None, NOW)[0] == ("not_promised" if cycle == "irregular" else "never")


def test_quality_is_the_formula_of_the_reference() -> None:
    """200 records, 6 required fields, 30 empty cells → 1170 / 1200 = 0.975; nothing to check is left out, never 0 or 100."""
    complete = Score(rule="a", dimension="completeness", weight=1, checked=1_200, failed=30)
    total, by = score_of([complete])
    assert (total, by["completeness"], by["accuracy"]) == (97.5, 97.5, None)
    nothing = Score(rule="b", dimension="accuracy", weight=1, checked=0, failed=0)
    assert score_of([complete, nothing])[0] == 97.5
    heavy = Score(rule="c", dimension="completeness", weight=3, checked=100, failed=50)
    assert score_of([complete, heavy])[1]["completeness"] == pytest.approx((97.5 + 3 * 50) / 4)
    assert score_of([nothing]) == (None, dict.fromkeys(by))


@pytest.mark.django_db
@pytest.mark.usefixtures("catalogue")
def test_a_resource_knows_when_its_data_last_changed() -> None:
    lot = apps.get_model("parking", "Lot")
    lot.objects.create(key="L1", name="一号车场")
    assert freshness.refresh() >= 1
    one = Resource.objects.get(key="parking.lot")
    assert one.updated_at is not None
    assert abs((timezone.now() - one.updated_at).total_seconds()) < 600
    Resource.objects.filter(key="parking.lot").update(cycle="day", updated_at=NOW - dt.timedelta(days=3))
    write_listings([Resource.objects.get(key="parking.lot")])
    first = freshness.standings(ANONYMOUS, NOW)[0]
    assert (first.key, first.verdict) == ("parking.lot", "overdue")
    assert first.late is not None
    assert round(first.late.total_seconds() / 3600, 1) == 45.6
    # However many there are, the latest is the first; the share is of all of them.
    late = dt.timedelta(days=900)
    made = Resource.objects.bulk_create(
        Resource(
            key=f"ext.{at}", kind="external", name=f"资源{at}", state="published", sharing="conditional", cycle="month",
            updated_at=None if at == 0 else NOW - (late if at == 29 else dt.timedelta(days=at)),
        )
        for at in range(30)
    )  # fmt: skip
    write_listings(made)
    everything = freshness.standings(ANONYMOUS, NOW)
    assert freshness.standings(ANONYMOUS, NOW, 3) == everything[:3]
    assert (everything[0].key, everything[1].key) == ("ext.29", "parking.lot")
    verdicts = [one.verdict for one in everything]
    assert verdicts == sorted(verdicts, key=["overdue", "never", "in_time"].index)
    assert freshness.punctual(ANONYMOUS, NOW) == (verdicts.count("in_time"), len(everything))
    assert verdicts.count("in_time") >= 28


@pytest.mark.django_db
@pytest.mark.usefixtures("catalogue")
def test_second_sources_are_found_and_explained() -> None:
    assert duplicates.conflicts(SYSTEM) == [] or all(one.why in ("none", "missing") for one in duplicates.conflicts(SYSTEM))
    element = DataElement.objects.create(key="ext.name", name="姓名", type="C", source="ext.a.name")
    made = []
    for key, source in (("ext.a", True), ("ext.b", True), ("ext.c", False)):
        one = Resource.objects.create(
            key=key, kind="external", name=key, state="published", sharing="conditional", provider_name=key
        )
        Item.objects.create(
            resource=one, position=0, key="name", name="姓名", folded="姓名", element=element, source_of_record=source
        )
        Item.objects.create(
            resource=one, position=1, key="phone", name="紧急联系号码", folded="紧急联系号码", type="C" if key != "ext.c" else "I"
        )
        made.append(one)
    secret = Resource.objects.create(key="ext.s", kind="external", name="s", state="published", secret=True)
    Item.objects.create(resource=secret, position=0, key="phone", name="紧急联系号码", folded="紧急联系号码")
    write_listings([*made, secret])
    found = {one.element: one for one in duplicates.conflicts(ANONYMOUS)}
    assert (found["ext.name"].why, len(found["ext.name"].places)) == ("several", 3)
    alike = {one.name: one for one in duplicates.alike(ANONYMOUS)}
    assert "姓名" not in alike, "they share an element"
    assert alike["紧急联系号码"].reasons == ("same_name", "other_type")
    assert [it.resource for it in alike["紧急联系号码"].places] == ["ext.a", "ext.b", "ext.c"], "what is secret is not told"
    # What the dictionary says means the same is the same, whatever it is called.
    DataElement.objects.create(key="ext.stop", name="公交站点编号", type="C", synonyms=["站台号码", "候车亭编码"])
    for one, name in zip(made, ("站台号码", "候车亭编码", "停车位编码"), strict=True):
        Item.objects.create(resource=one, position=2, key="stop", name=name, folded=fold(name))
    other = next(one for one in duplicates.alike(ANONYMOUS) if "synonym" in one.reasons)
    assert [(it.resource, it.item) for it in other.places] == [("ext.a", "站台号码"), ("ext.b", "候车亭编码")]
    # What is another element's own name says nothing, though that one has no synonyms.
    DataElement.objects.create(key="ext.shelter", name="候车亭编码", type="C")
    assert not [one for one in duplicates.alike(ANONYMOUS) if "synonym" in one.reasons]
    Item.objects.filter(resource__key="ext.b").update(source_of_record=False)
    assert "ext.name" not in {one.element for one in duplicates.conflicts(ANONYMOUS)}
    DataElement.objects.filter(key="ext.name").update(source="ext.zz.name")
    assert {one.element: one.why for one in duplicates.conflicts(ANONYMOUS)}["ext.name"] == "elsewhere"


@pytest.mark.django_db
@pytest.mark.usefixtures("catalogue")
def test_search_and_counts_are_what_a_plain_reading_says(actor_as: Callable[..., Actor]) -> None:
    """Every kind of reader, a thousand made-up resources with drafts and secrets among them, whatever is asked."""
    chance = random.Random(3)
    bureau = Organisation.objects.get(key="environment")
    branch = Organisation.objects.create(key="environment_branch", name="生态环境局分局", parent=bureau, area_code="330203")
    bodies = [bureau, branch, *Organisation.objects.filter(key__in=["data", "housing"])]
    zh, en = rehearsal.CHINESE.split()[:30], rehearsal.ENGLISH.split()[:20]
    made = [
        Resource(
            key=f"ext.{at}",
            kind="external",
            name="".join(chance.sample(zh, 2)) if at % 3 else " ".join(chance.sample(en, 2)),
            summary="，".join(chance.sample(zh, 3)),
            provider=chance.choice(bodies),
            sharing=chance.choice(["none", "conditional"]),
            state=chance.choice(["published"] * 6 + ["draft", "review", "withdrawn"]),
            secret=chance.random() < 0.1,
            cycle=chance.choice(["day", "year"]),
            open=chance.random() < 0.3,
        )
        for at in range(600)
    ]
    for one in made:
        one.area_code = one.provider.area_code if one.provider else ""
    Resource.objects.bulk_create(made)
    write_listings(list(Resource.objects.filter(kind="external")))
    by_key = {body.key: body for body in bodies}
    readers = [
        ANONYMOUS,
        actor_as("department_clerk", organisation=by_key["environment"], username="a"),
        actor_as("department_clerk", organisation=by_key["environment_branch"], area_code="330203", username="b"),
        actor_as("data_steward", organisation=by_key["data"], username="c"),
        actor_as("leader", area_code="330203", username="d"),
    ]
    everything = list(Resource.objects.select_related("provider__parent"))
    for reader in readers:
        allowed = {one.pk for one in everything if may_know(reader, one)}
        assert visible(reader, [one.pk for one in everything]) == allowed
        for text in (
            "",
            "数据",
            "人口信息",
            "企业统计",
            "city data",
            "stations",
            "水",
            "人口 企业",
            "school",
            # Beginnings, which are looked for where nothing else is found.
            en[3][:4],
            f"{en[4]} {en[5][:3]}",
            "zz",
            "'; --",
            "数据|企业 & !x:*",
        ):
            assert [hit.key for hit in search(reader, text).hits] == rehearsal.plain(reader, text), (reader.roles, text)
            matching = rehearsal.plain(reader, text, limit=10_000)
            found = counts(reader, text)
            assert found.total == len(matching)
            for facet, values in found.by.items():
                assert sum(values.values()) <= found.total
                if facet in ("kind", "sharing", "cycle", "state", "open"):
                    assert sum(values.values()) == found.total
    assert rehearsal.plain(ANONYMOUS, en[3][:4])
    assert Listing.objects.count() == Resource.objects.count()


@pytest.mark.django_db
@pytest.mark.usefixtures("catalogue")
def test_a_large_made_up_catalogue_is_listed_as_the_program_lists() -> None:
    """What the bench of the search fills and asks is what any other way in would have written."""
    with connection.cursor() as cursor:
        rehearsal._copy(cursor, 900_000, list(rehearsal.invented(60, seed=5)))
    made = Listing.objects.filter(resource__key__startswith="bench5.").order_by("pk")
    before = list(made.values())
    assert len(before) == 60
    write_listings(list(Resource.objects.filter(key__startswith="bench5.")))
    assert list(made.values()) == before


def may_know(actor: Actor, one: Resource) -> bool:
    """Say it plainly, apart from the program's own condition."""
    chain, body = set(), one.provider
    while body is not None:
        chain.add(body.key)
        body = body.parent
    editing = [post for post in actor.posts if post.role in ("data_steward", "department_clerk")]
    reviewing = [post for post in actor.posts if post.role in ("data_steward", "leader")]
    if one.secret:
        return one.provider is not None and any(post.organisation == one.provider.key for post in editing)
    if one.state in ("published", "withdrawn"):
        return True
    return any(post.organisation in chain for post in editing) or any(one.area_code.startswith(post.area) for post in reviewing)


def test_words_are_folded_paired_and_asked_loosely() -> None:
    assert fold("Ｍobilità　ＡＢＣ") == "mobilita abc"
    assert list(tokens(["人口数据PM2.5 stations"])) == ["人", "口", "数", "据", "人口", "口数", "数据", "pm2", "5", "station"]
    asked = question("人口信息 Cities")
    assert asked.exact == ("人口", "口信", "信息", "city")
    assert asked.loose == ("人口", "信息", "city")
    assert question("社会保障卡").loose == ("社会", "保障", "障卡")
    assert question("  ").empty
    assert asked.tsquery(["o'b\\c"]) == "'o''b\\\\c'"


def test_every_binding_of_every_pack_leads_to_an_element() -> None:
    assert elements()["area.code"].source == "areas.code"
