# SPDX-License-Identifier: Apache-2.0
"""Making, publishing, reviewing; where accepted submissions go."""

from __future__ import annotations

import pytest

from chengyun.access.actors import SYSTEM
from chengyun.collect.forms import services
from chengyun.collect.forms.commands import EXAMPLES
from chengyun.collect.forms.models import Form, FormVersion, Submission
from chengyun.collect.forms.xlsform import convert
from chengyun.errors import Malformed, Refused

from .conftest import instance, patrol

FORM = """
| survey |
| | type | name | label | relevant |
| | text | who | Who | {relevant} |
| settings |
| | form_id | form_title | version |
| | {key} | A form | {version} |
"""


def form(key: str = "a_form", version: str = "1", relevant: str = "") -> bytes:
    return FORM.format(key=key, version=version, relevant=relevant).encode()


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.md")), ids=lambda path: path.stem)
def test_every_example_is_a_form_in_two_languages(path) -> None:
    made = convert(path.read_bytes(), path.name)
    assert made.key == path.stem
    assert made.languages == ("中文 (zh)", "English (en)")
    for question in made.questions:
        if question.labels:
            assert all(question.labels.values()), question


def test_questions_know_their_types_and_repeats() -> None:
    made = convert((EXAMPLES / "component_patrol.md").read_bytes(), "component_patrol.md")
    by_path = {question.path: question for question in made.questions}
    assert by_path["damage/photo"].type == "binary"
    assert by_path["damage/photo"].repeats == ("damage",)
    assert by_path["damage/photo"].labels["English (en)"] == "Photo"
    assert by_path["place"].type == "geopoint"


@pytest.mark.parametrize(
    ("source", "name", "words"),
    [
        (b"", "f.md", "cannot"),
        (b"PK not a workbook", "f.xlsx", "cannot be used"),
        (b"\xff\xfe", "f.md", "not UTF-8"),
        (form(), "f.exe", "no XLSForm"),
        (form(relevant="${nobody} = 1"), "f.md", "nobody"),
        (form(key="1 2"), "f.md", "form_id"),
        (form(version=""), "f.md", "version"),
        (form().replace(b"Who", b"Wh\x01o"), "f.md", "cannot be shown"),
    ],
)
def test_what_is_no_form_is_refused_in_words(source: bytes, name: str, words: str) -> None:
    with pytest.raises(Malformed, match=words):
        convert(source, name)


@pytest.mark.django_db
def test_a_version_that_is_out_is_never_changed() -> None:
    draft = services.make_version(form(), "f.md", SYSTEM)
    assert services.make_version(form(), "f.md", SYSTEM).pk == draft.pk
    services.publish(draft, SYSTEM)
    with pytest.raises(Refused, match="version"):
        services.make_version(form(), "f.md", SYSTEM)
    following = services.make_version(form(version="2"), "f.md", SYSTEM)
    services.publish(following, SYSTEM)
    assert list(FormVersion.objects.order_by("version").values_list("version", "state")) == [("1", "retired"), ("2", "published")]


@pytest.mark.usefixtures("forms")
def test_review_is_somebody_elses_and_says_why(person) -> None:
    _, worker = person("worker", "grid_worker")
    _, steward = person("steward", "data_steward")
    mine = services.take(patrol(instance(), ()).encode(), {}, worker).submission
    with pytest.raises(Refused):
        services.review(mine, True, "", worker)
    with pytest.raises(Refused, match="理由"):
        services.review(mine, False, " ", steward)
    own = services.take(patrol(instance(), ()).encode(), {}, steward).submission
    with pytest.raises(Refused, match="自己"):
        services.review(own, True, "", steward)
    services.review(mine, False, "位置不对", steward)
    with pytest.raises(Refused, match="已退回"):
        services.review(mine, True, "", steward)
    assert [event.kind for event in Submission.objects.get(pk=mine.pk).events.all()] == ["received", "returned"]
    incomplete = services.take(patrol(instance(), ("gone.jpg",)).encode(), {}, worker).submission
    with pytest.raises(Refused, match="附件"):
        services.review(incomplete, True, "", steward)


@pytest.mark.usefixtures("forms")
def test_accepted_answers_become_observations(person, monkeypatch) -> None:
    """Each repeat is a row, under the instance's key: accepted twice, it counts once."""
    _, worker = person("worker", "grid_worker")
    _, steward = person("steward", "data_steward")
    sent = []

    def post(_config, stream, rows, *, purpose, key):
        sent.append((stream, rows, purpose, key))
        return {"accepted": len(rows), "dead": []}

    monkeypatch.setattr(services.front_door, "post", post)
    patrols = Form.objects.get(key="component_patrol")
    with pytest.raises(Refused, match="没有问题"):
        services.connect(patrols, "air_quality.station_hour", {"station": "nothing"}, steward)
    services.connect(patrols, "air_quality.station_hour", {"station": "damage/code"}, steward)
    number = instance()
    taken = services.take(
        patrol(number, ("a.jpg", "b.jpg")).replace("<photo>a.jpg</photo>", "").replace("<photo>b.jpg</photo>", "").encode(),
        {},
        worker,
    )
    services.review(taken.submission, True, "", steward)
    (stream, rows, purpose, key) = sent[0]
    assert (stream, purpose, key) == ("air_quality.station_hour", "ingest:*", number[-60:])
    assert [row["station"] for row in rows] == ["3302030010000001"] * 2
    assert rows[0]["hour_start"] == "2026-11-20T00:00:00+00:00"


@pytest.mark.usefixtures("forms")
def test_a_task_is_done_by_its_submission(person) -> None:
    _, worker = person("worker", "grid_worker")
    _, steward = person("steward", "data_steward")
    task = services.give_task(
        Form.objects.get(key="component_patrol"), "清晨巡查", "330203001", steward, prefill={"round": "morning"}
    )
    taken = services.take(patrol(instance(), (), lat=0.1).encode(), {}, worker, task=task.pk)
    task.refresh_from_db()
    assert (task.state, taken.submission.task_id, taken.submission.area_code) == ("done", task.pk, "330203001")
