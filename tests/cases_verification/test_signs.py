# SPDX-License-Identifier: Apache-2.0
"""Signs of false closing: each rule alone, on planted cheats among honest work, and as they are kept and shown."""

from __future__ import annotations

import datetime as dt
import io
import itertools
import random

import pytest
from PIL import Image, ImageEnhance

from chengyun.access.actors import actor_of_account
from chengyun.access.models import Account, Assignment, Organisation
from chengyun.cases.intake import fingerprints, photos
from chengyun.cases.models import Case
from chengyun.cases.services import open_case, take_step
from chengyun.cases.verification import queries, rules, services
from chengyun.cases.verification.models import Sign, ToLook
from chengyun.cases.verification.rules import Again, Facts, Other, Picture

NOW = dt.datetime(2026, 4, 1, 1, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
RULES = rules.edition_on(dt.date(2026, 4, 1))


def keys(facts: Facts) -> set[str]:
    return {one.rule for one in rules.find(facts, RULES)}


def scene(seed: int) -> Image.Image:
    """Return a picture of a street that is like no other seed's: soft shapes of light and dark, with a little noise."""
    rng = random.Random(seed)
    shapes = Image.frombytes("L", (16, 12), rng.randbytes(192)).resize((320, 240), Image.Resampling.BICUBIC)
    noise = Image.frombytes("L", (320, 240), rng.randbytes(320 * 240))
    return Image.blend(shapes, noise, 0.1).convert("RGB")


def jpeg(image: Image.Image, quality: int = 90) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return out.getvalue()


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (Facts(), set()),
        (Facts(pictures=[Picture(1, 0b1111, True)], others=[Other(9, "2026-1", 0b1110, None)]), {"photo_copied"}),
        (Facts(pictures=[Picture(1, 0, True)], others=[Other(9, "2026-1", 0b111111, 900.0)]), {"photo_alike"}),
        (Facts(pictures=[Picture(1, 0, True)], others=[Other(9, "2026-1", 0b111111, 20.0)]), set()),
        (Facts(pictures=[Picture(1, 7, False)], others=[Other(9, "2026-1", 7, 900.0)]), set()),
        (Facts(pictures=[Picture(1, 7, False), Picture(2, 7, True)]), {"photo_before"}),
        (Facts(pictures=[Picture(1, 7, True, None, 301.0)]), {"photo_elsewhere"}),
        (Facts(pictures=[Picture(1, 7, True, None, 299.0)]), set()),
        (Facts(dispatched_at=NOW, pictures=[Picture(1, 7, True, NOW - 2 * HOUR)]), {"photo_old"}),
        (Facts(dispatched_at=NOW, pictures=[Picture(1, 7, True, NOW - HOUR / 2)]), set()),
        (Facts(nearest_m=250.0), {"no_visit"}),
        (Facts(nearest_m=None), set()),
        (Facts(dispatched_at=NOW, handled_at=NOW + dt.timedelta(seconds=119)), {"too_quick"}),
        (Facts(dispatched_at=NOW, handled_at=NOW + dt.timedelta(seconds=120)), set()),
        (Facts(rating=2), {"reporter_disagrees"}),
        (Facts(rating=3), set()),
    ],
)  # fmt: skip
def test_each_rule_speaks_when_it_should_and_only_then(facts, expected):
    assert keys(facts) == expected


def test_signs_together_weigh_more_than_one_and_never_more_than_certain():
    assert rules.score([]) == 0
    assert rules.score([0.5, 0.5]) == pytest.approx(0.75)
    assert rules.score([0.95] * 5) < 1


def test_a_picture_saved_smaller_brighter_or_again_is_still_known_and_another_is_not():
    known = [fingerprints.fingerprint(scene(seed)) for seed in range(40)]
    for seed in range(40):
        image = scene(seed)
        again = Image.open(io.BytesIO(jpeg(image.resize((200, 150)), 60)))
        brighter = ImageEnhance.Brightness(image).enhance(0.92)
        for copy in (again, brighter):
            bits = [fingerprints.distance(fingerprints.fingerprint(copy), one) for one in known]
            assert bits[seed] <= RULES.rules["photo_copied"]["bits"]
            assert min(bits[:seed] + bits[seed + 1 :]) > RULES.rules["photo_alike"]["bits"]


def test_planted_cheats_are_found_and_honest_work_is_left_alone():
    """Honest crews have clocks and positions that are off, look-alike walls and unhappy reporters; cheats have what cheats do."""
    rng = random.Random(7)
    verdicts = []
    for number in range(3000):
        cheat = number % 10 == 0
        verdicts.append(
            (cheat, rules.score({one.rule: one.weight for one in rules.find(_case(rng, cheat), RULES)}.values()) >= 0.6)
        )
    flagged = [cheat for cheat, said in verdicts if said]
    assert sum(flagged) / len(flagged) >= 0.9  # precision
    assert sum(flagged) / sum(cheat for cheat, _ in verdicts) >= 0.85  # recall


def _case(rng: random.Random, cheat: bool) -> Facts:
    handled = NOW + dt.timedelta(minutes=rng.lognormvariate(4.5, 0.8) + 3)
    mine, before = rng.getrandbits(64), rng.getrandbits(64)
    taken: dt.datetime | None = handled - dt.timedelta(minutes=rng.uniform(0, 30)) + dt.timedelta(seconds=rng.gauss(0, 300))
    away: float | None = abs(rng.gauss(0, 60)) if rng.random() < 0.7 else None
    near: float | None = abs(rng.gauss(0, 50)) if rng.random() < 0.6 else None
    rating = rng.choice([None] * 6 + [5, 5, 4, 3, 2, 1])
    others = []
    if rng.random() < 0.01:  # two walls that look alike, one street apart
        others.append(Other(8, "2026-000001", mine ^ 0b11111, rng.uniform(0, 400)))
    if cheat:
        match rng.randrange(5):
            case 0:
                others.append(Other(9, "2026-000002", mine ^ (1 << rng.randrange(64)), rng.uniform(300, 5000)))
            case 1:
                mine = before ^ (1 << rng.randrange(64))
            case 2:
                near, away, handled, taken = rng.uniform(400, 4000), rng.uniform(500, 4000), handled, taken
            case 3:
                taken = NOW - dt.timedelta(days=rng.uniform(0.2, 20))
            case 4:
                handled, taken, near = NOW + dt.timedelta(seconds=rng.uniform(5, 90)), None, rng.uniform(300, 4000)
    return Facts(
        dispatched_at=NOW, handled_at=handled, nearest_m=near, rating=rating, others=others,
        pictures=[Picture(1, before, False), Picture(2, mine, True, taken, away)],
    )  # fmt: skip


@pytest.fixture
def people(db):
    centre = Organisation.objects.create(key="operations_centre", name="市城市运行中心", kind="centre")
    works = Organisation.objects.create(key="works", name="城管局", parent=centre)
    made = {}
    for name, role, body in (
        ("worker", "grid_worker", centre), ("clerk", "intake_clerk", centre), ("officer", "duty_officer", centre),
        ("dispatcher", "dispatcher", centre), ("crew", "handler", works), ("verifier", "verifier", centre),
    ):  # fmt: skip
        account = Account.objects.create(username=name, name=name, organisation=body)
        Assignment.objects.create(account=account, role=role, organisation=body, since=NOW - HOUR)
        made[name] = actor_of_account(account, NOW)
    return made


def handled(people, image: Image.Image, now: dt.datetime, lon: float = 121.55, after: dt.timedelta = HOUR) -> Case:
    """Return a case that a crew says it has handled, with this picture as the proof."""
    case = open_case(
        "urban_management.case", "井盖破损", people["worker"], now, source="patrol", lon=lon, lat=29.87, category="event/0104"
    )
    for step, who in (("accept", "clerk"), ("file", "officer")):
        take_step(case.number, step, people[who], now)
    take_step(case.number, "dispatch", people["dispatcher"], now, owner="works")
    photo = photos.keep(jpeg(image), people["crew"], now + after, case=case)
    take_step(case.number, "report_done", people["crew"], now + after, note="已修", photos=[photo.pk])
    case.refresh_from_db()
    return case


def test_a_copied_photo_is_kept_as_evidence_and_shown_to_those_who_judge(people):
    first = handled(people, scene(1), NOW)
    second = handled(people, scene(1).resize((300, 225)), NOW + 5 * HOUR, lon=121.60, after=dt.timedelta(seconds=30))
    honest = handled(people, scene(2), NOW + 6 * HOUR, lon=121.62)
    assert set(ToLook.objects.values_list("case_id", flat=True)) == {first.pk, second.pk, honest.pk}
    assert services.look_at_waiting(NOW + 8 * HOUR) == 3
    assert not ToLook.objects.exists()
    assert [queries.signs(one) for one in (first, honest)] == [[], []]
    found = queries.signs(second)
    assert [one.rule for one in found] == ["photo_copied", "too_quick"]
    assert first.number in found[0].sentence
    assert queries.doubt(second) == pytest.approx(1 - 0.05 * 0.3)
    assert queries.signs_for(second, people["verifier"]) == found
    assert queries.signs_for(second, people["crew"]) == []
    services.look(second, NOW + 9 * HOUR)
    assert Sign.objects.filter(case=second).count() == 2


def test_photos_that_two_merged_cases_share_are_no_sign(people):
    first = handled(people, scene(3), NOW)
    second = handled(people, scene(3), NOW + HOUR)
    Case.objects.filter(pk=first.pk).update(merged_into=second)
    assert services.look(Case.objects.get(pk=second.pk), NOW + 2 * HOUR) == []


def test_what_the_reporter_says_weighs_by_what_it_is_about():
    newest = rules.edition_on(dt.date(2026, 10, 1))

    def weights(**known):
        return [one.weight for one in rules.find(Facts(**known), newest)]

    assert weights(rating=2) == [0.35]
    assert weights(rating=1, late=True) == [0.15]  # of late work: it may be about that
    assert weights(contradicted_at=NOW) == [0.45]
    assert weights(rating=3, late=True) == []
    assert [one.weight for one in rules.find(Facts(rating=1, late=True, contradicted_at=NOW), RULES)] == [0.5]


def test_plain_pictures_must_be_more_alike_to_be_the_same():
    newest = rules.edition_on(dt.date(2026, 10, 1))

    def found(one: int, other: int) -> set[str]:
        mine, theirs = Picture(1, one, after=True), rules.Other(2, "c", other, 900.0)
        return {sign.rule for sign in rules.find(Facts(pictures=[mine], others=[theirs]), newest)}

    rich, plain = 0x5A5A_5A5A_5A5A_5A5A, 0x00FF
    assert found(rich, rich) == found(plain, plain) == {"photo_copied"}
    assert found(rich, rich ^ 0b111) == {"photo_copied"}  # saved again
    assert found(rich, rich ^ 0xFF) == {"photo_alike"}
    assert found(plain, plain ^ 0b11) == {"photo_alike"}
    assert found(plain, plain ^ 0x1F0000) == set()  # two streets under much sky
    assert found(0, 0) == found(-1, -1) == set()  # nothing on either
    assert {sign.rule for sign in rules.find(
        Facts(pictures=[Picture(1, plain, after=True)], others=[rules.Other(2, "c", plain ^ 0x1F0000, 900.0)]), RULES
    )} == {"photo_alike"}  # fmt: skip


def test_what_shows_only_later_is_a_sign_too_and_alone_no_doubt():
    newest = rules.editions()[-1]

    def found(**known):
        return {one.rule: one.weight for one in rules.find(Facts(**known), newest)}

    def again(number: int, apart_m: float = 10.0, after_h: float = 20.0) -> Again:
        return Again(f"2026-{number}", apart_m, after_h)

    assert found(again=[again(1)]) == {"reported_again": 0.38}
    assert found(again=[again(1), again(2)]) == {"reported_again": 0.6}  # two people, one place
    assert found(again=[again(1, apart_m=51), again(2, after_h=200), again(3, after_h=-1)]) == {}
    assert found(bad_after_h=5.0) == {"sensor_still_bad": 0.6}
    assert found(bad_after_h=1.0) == found(bad_after_h=25.0) == found() == {}  # mending takes its time; a day later it is news
    weak = {key: newest.rules[key]["weight"] for key in ("no_visit", "too_quick", "reporter_disagrees", "reported_again")}
    assert all(weight < 0.5 for weight in weak.values())
    assert min(rules.score(pair) for pair in itertools.combinations(weak.values(), 2)) >= 0.5
    mine = [Picture(1, 7, after=False, taken_at=NOW), Picture(2, 7, after=True, taken_at=NOW + HOUR)]
    assert {one.rule for one in rules.find(Facts(pictures=mine), newest)} == set()  # two plain pictures of one place
    rich = 0x5A5A_5A5A_5A5A_5A5A
    pictures = [Picture(1, rich, after=False, taken_at=NOW), Picture(2, rich, after=True, taken_at=NOW + HOUR)]
    assert found(pictures=pictures) == {"photo_before": 0.1}
    assert found(pictures=[pictures[0], Picture(2, rich, after=True, taken_at=NOW)]) == {"photo_before": 0.9}


def test_the_first_use_of_a_picture_is_doubted_when_the_second_comes(people):
    newest = rules.editions()[-1]
    first = handled(people, scene(1), NOW)
    assert services.look_at_waiting(NOW + 2 * HOUR, edition=newest) == 1
    assert queries.doubt(first) == 0
    second = handled(people, scene(1), NOW + 5 * HOUR, lon=121.60)
    services.look_at_waiting(NOW + 7 * HOUR, edition=newest)
    assert services.look_at_waiting(NOW + 8 * HOUR, edition=newest) == 1  # the first, once more
    assert [one.rule for one in queries.signs(first)] == ["photo_used_again"]
    assert second.number in queries.signs(first)[0].sentence
    assert queries.doubt(first) == 0.5
    assert [one.rule for one in queries.signs(second)] == ["photo_copied"]


def test_what_spoke_against_the_work_before_does_not_speak_against_the_work_that_mended_it(people):
    case = handled(people, scene(1), NOW, after=dt.timedelta(seconds=30))
    services.look(case, NOW + HOUR)
    assert queries.doubt(case) == pytest.approx(0.7)
    seen = photos.keep(jpeg(scene(5)), people["verifier"], NOW + 2 * HOUR, case=case)
    take_step(case.number, "fail_check", people["verifier"], NOW + 2 * HOUR, reason="没有修好", photos=[seen.pk])
    case.refresh_from_db()
    assert queries.doubt(case) == pytest.approx(0.7)
    photo = photos.keep(jpeg(scene(4)), people["crew"], NOW + 5 * HOUR, case=case)
    take_step(case.number, "report_done", people["crew"], NOW + 5 * HOUR, note="已修", photos=[photo.pk])
    case.refresh_from_db()
    services.look(case, NOW + 6 * HOUR)
    assert queries.doubt(case) == 0
    assert [one.rule for one in queries.signs(case)] == ["too_quick"]  # kept, and shown


def test_the_same_reported_again_beside_it_is_looked_for_and_nothing_farther_off(people):
    newest = rules.editions()[-1]
    done = handled(people, scene(1), NOW)
    services.look_at_waiting(NOW + 2 * HOUR, edition=newest)

    def told(hours: int, lon: float = 121.55, category: str = "event/0104") -> Case:
        at = NOW + hours * HOUR
        return open_case(
            "urban_management.case", "井盖破损", people["worker"], at, source="patrol", lon=lon, lat=29.87, category=category
        )

    told(3, lon=121.5520)
    told(3, category="event/0105")
    services.note_later(NOW, NOW + 4 * HOUR)
    assert not ToLook.objects.exists()
    later = told(5, lon=121.5502)
    services.note_later(NOW + 4 * HOUR, NOW + 6 * HOUR)
    assert services.look_at_waiting(NOW + 6 * HOUR, edition=newest) == 1
    [sign] = queries.signs(done)
    assert (sign.rule, sign.detail["case"], sign.detail["hours"]) == ("reported_again", later.number, 4.0)
    assert later.number in sign.sentence

    # What another one is, is settled days after it was told.
    unnamed = told(7, lon=121.5499, category="")
    services.note_later(NOW + 6 * HOUR, NOW + 8 * HOUR)
    assert not ToLook.objects.filter(case=done).exists()
    ToLook.objects.all().delete()
    settled = NOW + 60 * HOUR
    take_step(unnamed.number, "accept", people["clerk"], settled - HOUR, data={"category": "event/0104"})
    services.note_later(settled - 2 * HOUR, settled)
    assert services.look_at_waiting(settled, edition=newest) == 1
    assert [one.detail["case"] for one in queries.signs(done)] == [later.number, unnamed.number]


def test_rules_that_were_in_force_are_complete_and_dated():
    for edition in rules.editions():
        assert edition.source
        assert all(0 < rule["weight"] < 1 and rule["name"] for rule in edition.rules.values())
