# SPDX-License-Identifier: Apache-2.0
"""Foreign catalogues become external resources: four real ones whole, and what is wrong with their entries is reported."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from chengyun.access.actors import ANONYMOUS, SYSTEM, Actor
from chengyun.errors import Malformed, Refused
from chengyun.protocols.dcat.views import PAGE, export
from chengyun.share.catalogue.harvest.foreign import Foreign, cycle_of, faults_of, moment_of
from chengyun.share.catalogue.harvest.reading import read_catalogue
from chengyun.share.catalogue.harvest.services import harvest
from chengyun.share.catalogue.models import Resource
from chengyun.share.catalogue.search import counts, search

pytestmark = pytest.mark.django_db


@pytest.mark.shared
def test_four_real_catalogues_are_taken_in_whole(shared: Path) -> None:
    folder = shared / "data" / "opendata-catalogues"
    done = {
        name: harvest(SYSTEM, name, (folder / file).read_bytes(), file)
        for name, file in (
            ("philadelphia", "philadelphia_data.json.gz"),
            ("birmingham", "birmingham_ckan_package_search.json"),
            ("brescia", "brescia_mobilita_dcat_ap_it.rdf"),
            ("estonia", "estonia_link_check.json"),
        )
    }
    assert {name: (one.standard, one.found - one.refused) for name, one in done.items() if name != "estonia"} == {
        "philadelphia": ("dcat-us", 402),
        "birmingham": ("ckan", 10),
        "brescia": ("dcat", 3),
    }
    by_field = Counter(it["field"] for it in done["philadelphia"].faults)
    # 391 say nothing, 11 say "R/P1D", which is no moment.
    assert (by_field["modified"], by_field["frequency"]) == (402, 402)
    assert done["philadelphia"].fault_count >= 764
    broken = sum(it.status != 200 for _, one in [("", it) for it in read_links(folder)] for it in one.distributions)
    assert broken == 3704 - 3461
    assert (
        sum(it.get("status", 200) != 200 for one in Resource.objects.filter(origin="estonia") for it in one.distributions)
        <= broken
    )
    parking = search(ANONYMOUS, "Parcheggi").hits
    assert [hit.name for hit in parking] == ["Sosta"]
    assert parking[0].cycle == "year"
    assert "Mobilità sostenibile" in [hit.name for hit in search(ANONYMOUS, "mobilita").hits]
    assert (
        search(ANONYMOUS, "police advisory commission complaint").hits[0].name.endswith("Police Advisory Commission Complaints")
    )
    assert counts(ANONYMOUS, "purchase card transactions").total == 10
    again = harvest(SYSTEM, "philadelphia", (folder / "philadelphia_data.json.gz").read_bytes(), "again")
    assert (again.added, again.changed, again.withdrawn) == (0, 0, 0)
    fewer = json.loads(gzip.decompress((folder / "philadelphia_data.json.gz").read_bytes()))
    fewer["dataset"] = fewer["dataset"][:400]
    assert harvest(SYSTEM, "philadelphia", json.dumps(fewer).encode(), "fewer").withdrawn == 2
    # What came in goes out again as DCAT, and is read by the same door.
    published = Resource.objects.filter(state="published").count()
    pages = [export(ANONYMOUS, "ttl", "https://city.example/", page)[0] for page in range(1, -(-published // PAGE) + 1)]
    read = [read_catalogue(body, "own.ttl") for body in pages]
    assert {standard for standard, _ in read} == {"dcat"}
    assert len({one.identifier for _, back in read for one in back}) == published > PAGE


def read_links(folder: Path) -> list[Foreign]:
    return read_catalogue((folder / "estonia_link_check.json").read_bytes())[1]


@pytest.mark.shared
@pytest.mark.parametrize(
    ("file", "standard"),
    [
        ("catalog.rdf", "dcat"),
        ("catalog_pod.jsonld", "dcat-us"),
        ("dataset.rdf", "dcat"),
        ("dataset_gov_de.rdf", "dcat"),
        ("dataset_health.ttl", "dcat"),
        ("full_ckan_dataset_legacy.json", "ckan"),
    ],
)
def test_examples_of_other_profiles_are_read(shared: Path, file: str, standard: str) -> None:
    path = shared / "data" / "opendata-catalogues" / "ckanext-dcat-examples" / file
    said, found = read_catalogue(path.read_bytes(), file)
    assert said == standard
    assert found
    assert all(one.title and one.identifier for one in found)


@pytest.mark.parametrize(
    ("data", "wrong", "says"),
    [
        (b"", Refused, "目录是空的"),
        (b"{", Malformed, "不是完整的 JSON"),
        ('{"dataset": [{"title": "噪声"}]}'.encode("gbk"), Malformed, "file：不是 UTF-8"),
        (bytes(range(128, 256)), Malformed, "file：不是 UTF-8"),
        (b"\xef\xbb\xbf\n<!DOCTYPE html><html><body>404</body></html>", Malformed, "file：这是网页"),
        (b"<HTML lang=en>", Malformed, "这是网页"),
        (b"<a/>", Refused, "没有数据集"),
        (b"a:b a:c a:d .", Malformed, "不是可读的 RDF"),
        (b"@prefix x", Malformed, "不是可读的 RDF"),
        (b'<!DOCTYPE x [<!ENTITY a "aaaa">]><rdf:RDF/>', Refused, "声明了实体"),
        (b'{"@context": "http://127.0.0.1:9/x", "@graph": []}', Refused, "@context 在别处"),
        (b'[{"a": {"@context": ["http://127.0.0.1:9/x"]}}]', Refused, "@context 在别处"),
        (b"\x1f\x8bnot gzip", Malformed, "不能解压"),
        (b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/>', Refused, "没有数据集"),
    ],
)
def test_what_is_no_catalogue_is_refused_in_a_sentence(data: bytes, wrong: type[Exception], says: str) -> None:
    with pytest.raises(wrong, match=says):
        read_catalogue(data, "file")


def test_entries_of_any_shape_do_no_harm() -> None:
    odd = {
        "dataset": [
            {
                "title": ["一", "二"],
                "identifier": 7,
                "publisher": {"name": None},
                "distribution": [None, {"downloadURL": 5}],
                "keyword": "x",
            },
            {"title": "t" * 400, "identifier": "8", "contactPoint": "somebody", "modified": "yesterday", "distribution": {}},
            {"title": "同", "identifier": "8"},
            {"title": "", "identifier": "9"},
            "no object",
            None,
        ]
    }
    done = harvest(SYSTEM, "odd", json.dumps(odd).encode(), "odd.json")
    assert (done.found, done.added, done.refused) == (6, 2, 4), "what is no object is counted, and said to be none"
    assert sum(it["says"] == "没有标识；未采集。" for it in done.faults) == 2
    said = {(it["field"], it["says"]) for it in done.faults}
    assert {field for field, _says in said} >= {"identifier", "title", "modified", "distribution[1]", "frequency", "contact"}


def test_data_that_is_newer_is_known_to_be_so_though_its_entry_is_the_same(db: None) -> None:
    def catalogue(modified: str) -> bytes:
        entry = {"identifier": "a", "title": "Trees", "modified": modified, "accessLevel": "public"}
        return json.dumps({"conformsTo": "https://project-open-data.cio.gov/v1.1/schema", "dataset": [entry]}).encode()

    harvest(SYSTEM, "somewhere", catalogue("2026-01-01"), "data.json")
    again = harvest(SYSTEM, "somewhere", catalogue("2026-11-20"), "data.json")
    one = Resource.objects.get(origin="somewhere")
    assert (one.updated_at, one.version, again.changed) == (moment_of("2026-11-20"), 1, 0)


def test_nothing_is_withdrawn_by_a_catalogue_without_one_good_entry(db: None) -> None:
    harvest(SYSTEM, "mine", b'{"dataset": [{"title": "a", "identifier": "1"}]}')
    with pytest.raises(Refused, match="没有一条可以采集"):
        harvest(SYSTEM, "mine", b'{"dataset": [{"title": "", "identifier": "1"}]}')
    assert Resource.objects.get(origin="mine").state == "published"


def test_only_a_steward_may_and_only_under_a_good_name(actor_as: Callable[..., Actor]) -> None:
    data = b'{"dataset": [{"title": "a", "identifier": "1"}]}'
    with pytest.raises(Refused, match="岗位不能"):
        harvest(ANONYMOUS, "mine", data)
    with pytest.raises(Refused, match="小写字母"):
        harvest(actor_as("data_steward"), "Mine/..", data)


def test_frequencies_and_moments_of_many_hands() -> None:
    annual = "http://publications.europa.eu/resource/authority/frequency/ANNUAL"
    assert [cycle_of(it) for it in ("R/P1M", annual, "Weekly", "often")] == [
        "month",
        "year",
        "week",
        None,
    ]
    assert [moment_of(it) is not None for it in ("2024", "2024-02", "2024-02-30", "2024-02-03T04:05:06.7Z", "20240203", "")] == [
        True,
        True,
        False,
        True,
        False,
        False,
    ]
    assert ("contact", "联系方式是占位的地址。") in set(faults_of(Foreign("1", "a", contact="x blanked@example.org")))
