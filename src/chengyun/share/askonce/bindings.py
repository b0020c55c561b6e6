# SPDX-License-Identifier: Apache-2.0
"""What each question of a form is: declared in its sheet, decided by a person, or proposed by the matcher."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from chengyun.collect.forms.models import FormVersion
from chengyun.collect.forms.queries import choices_of
from chengyun.share.askonce.holdings import CONSENT, known
from chengyun.share.askonce.matching import SURE, Asked, Match, Matcher
from chengyun.share.askonce.models import Decision

__all__ = ["Bound", "asked_of", "bindings", "bindings_of", "consent_of", "forms_asking"]

SHOWN = 0.1


@dataclass(frozen=True, slots=True)
class Bound:
    """A question and what it is. how: declared or decided is certain; proposed has a score and says why; "" is nothing known."""

    path: str
    label: str
    type: str
    element: str
    how: Literal["declared", "decided", "proposed", ""]
    score: float
    because: Mapping[str, float]
    repeats: int

    @property
    def certain(self) -> bool:
        return self.how in ("declared", "decided")

    @property
    def counts(self) -> bool:
        """Whether reports and refusals go by it."""
        return self.certain or (self.how == "proposed" and self.score >= SURE)


def bindings(version: FormVersion, matcher: Matcher | None = None) -> list[Bound]:
    """Return what a version's questions are, those nobody answers (start, today) left out."""
    return bindings_of([version], matcher)[version.pk]


def bindings_of(versions: Sequence[FormVersion], matcher: Matcher | None = None) -> dict[int, list[Bound]]:
    """Return what the questions of versions are, by version; a few queries for any number."""
    matcher = matcher or Matcher(known())
    decided: dict[tuple[str, str], list[Decision]] = {}
    for one in Decision.objects.filter(form__in={version.form_id for version in versions}).order_by("id"):
        decided.setdefault((one.form_id, one.path), []).append(one)
    return {
        version.pk: [
            _bound(question, asked, decided.get((version.form_id, asked.path), ()), matcher)
            for question, asked in asked_of(version)
        ]
        for version in versions
    }  # fmt: skip


def asked_of(version: FormVersion) -> list[tuple[Mapping[str, Any], Asked]]:
    """Return the questions a person answers, as the matcher takes them."""
    choices = choices_of(version.xform)
    found = []
    for question in version.questions:
        if not question["labels"] and question["path"] not in choices:
            continue
        path = str(question["path"])
        offered = tuple(label for labels in choices.get(path, {}).values() for label in labels.values() if label)
        found.append((question, Asked(path, tuple(question["labels"].values()), str(question["type"]), offered)))
    return found


def consent_of(version: FormVersion) -> str:
    """Return the path of the question by which a person agrees to be filled in from registers; "" without one."""
    return next((str(one["path"]) for one in version.questions if one.get("element") == CONSENT), "")


def forms_asking(element: str) -> list[tuple[str, str]]:
    """Return key and title of the published forms that ask for an element for certain: by their sheet, or by decision."""
    versions = FormVersion.objects.filter(state=FormVersion.State.PUBLISHED).select_related("form")
    decided = set(Decision.objects.filter(element=element, same=True).values_list("form_id", flat=True))
    named = set(versions.filter(questions__contains=[{"element": element}]).values_list("form_id", flat=True))
    return sorted({(one.form.key, one.form.title) for one in versions.filter(form__in=decided | named)})


def _bound(question: Mapping[str, Any], asked: Asked, decided: Sequence[Decision], matcher: Matcher) -> Bound:
    label = next(iter(question["labels"].values()), asked.path)
    kind, depth = ("select" if asked.choices else asked.type), len(question["repeats"])
    if question.get("element"):
        return Bound(asked.path, label, kind, str(question["element"]), "declared", 1.0, {}, depth)
    for one in decided:
        if one.same:
            return Bound(asked.path, label, kind, one.element, "decided", 1.0, {}, depth)
    rejected = {one.element for one in decided}
    best: Match | None = next(
        (match for match in matcher.best(asked, most=4, least=SHOWN) if match.element not in rejected), None
    )
    if best is None:
        return Bound(asked.path, label, kind, "", "", 0.0, {}, depth)
    return Bound(asked.path, label, kind, best.element, "proposed", best.score, best.because, depth)
