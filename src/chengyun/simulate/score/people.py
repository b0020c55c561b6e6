# SPDX-License-Identifier: Apache-2.0
"""What was joined, doubted and measured of people's work, against what they did. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

__all__ = ["BodyScore", "PairScore", "SignScore", "ordered", "score_bodies", "score_pairs", "score_signs"]


Work = tuple[str, str, bool | None, float | None]
"""Body, case, whether in time (None: not judged), and the hours it took (None: not known)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairScore:
    """Pairs of reports: of one incident in truth (planted), in one case as it stands (joined), and both (right)."""

    planted: int
    joined: int
    right: int

    @property
    def precision(self) -> float | None:
        return self.right / self.joined if self.joined else None

    @property
    def recall(self) -> float | None:
        return self.right / self.planted if self.planted else None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignScore:
    """Cases that ended with a false deed (planted), cases under doubt (doubted), both (right).

    caught: cases whose last false deed the check or the reporter sent back, so that they ended otherwise; not asked for. by_sign:
    sign → (cases it spoke of, those of them that were false, caught ones too). missed: case → how it was falsified, of the false
    ones not doubted.
    """

    planted: int
    doubted: int
    right: int
    caught: int
    by_sign: Mapping[str, tuple[int, int]]
    missed: Mapping[str, str]

    @property
    def precision(self) -> float | None:
        return self.right / self.doubted if self.doubted else None

    @property
    def recall(self) -> float | None:
        return self.right / self.planted if self.planted else None


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyScore:
    """One body: how it really works, and what can be seen of it. doubted: share of its cases; in_time: of those judged."""

    body: str
    habit: str
    cases: int
    in_time: float | None
    hours: float | None
    doubted: float


def score_pairs(incident_of: Mapping[str, str], case_of: Mapping[str, str]) -> PairScore:
    """Compare reports that tell of one incident with reports that are in one case. report → incident; report → case."""
    reports = sorted(set(incident_of) & set(case_of))
    planted = _pairs((incident_of[one], one) for one in reports)
    joined = _pairs((case_of[one], one) for one in reports)
    return PairScore(planted=len(planted), joined=len(joined), right=len(planted & joined))


def score_signs(
    false: Mapping[str, str], caught: Iterable[str], doubt: Mapping[str, float], signs: Mapping[str, Iterable[str]], least: float
) -> SignScore:  # fmt: skip
    """Compare cases with a false deed with cases whose signs weigh at least so much.

    false: case → how. caught: those whose last false deed the check sent back. doubt: of every case worked on. signs: sign → the
    cases it spoke of. A caught case under doubt is neither right nor wrong: the doubt is about what was sent back.
    """
    sent_back = set(caught)
    doubted = {number for number, weight in doubt.items() if weight >= least} - sent_back
    known = (false.keys() & doubt.keys()) - sent_back
    by_sign = {
        sign: (len(cases), len(cases & false.keys())) for sign, cases in sorted((key, set(one)) for key, one in signs.items())
    }
    return SignScore(
        planted=len(known), doubted=len(doubted), right=len(known & doubted), caught=len(sent_back & false.keys()),
        by_sign=by_sign, missed={case: false[case] for case in sorted(known - doubted)},
    )  # fmt: skip


def score_bodies(
    worked: Iterable[tuple[str, str, bool | None, float | None]],
    habits: Mapping[str, str],
    doubt: Mapping[str, float],
    least: float,
) -> list[BodyScore]:
    """Return each body's figures."""
    by_body: dict[str, list[tuple[str, bool | None, float | None]]] = defaultdict(list)
    for body, case, in_time, hours in worked:
        by_body[body].append((case, in_time, hours))
    found = []
    for body, cases in sorted(by_body.items()):
        judged = [in_time for _, in_time, _ in cases if in_time is not None]
        took = sorted(hours for _, _, hours in cases if hours is not None)
        doubted = sum(doubt.get(case, 0.0) >= least for case, _, _ in cases)
        found.append(
            BodyScore(
                body=body, habit=habits.get(body, ""), cases=len(cases), in_time=sum(judged) / len(judged) if judged else None,
                hours=took[len(took) // 2] if took else None, doubted=doubted / len(cases),
            )
        )  # fmt: skip
    return found


def ordered(high: Sequence[float], low: Sequence[float]) -> float | None:
    """Return how often one of the high group lies above one of the low group, 0 to 1, ties half; None where one is empty."""
    if not high or not low:
        return None
    return sum((a > b) + 0.5 * (a == b) for a in high for b in low) / (len(high) * len(low))


def _pairs(grouped: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    groups: dict[str, list[str]] = defaultdict(list)
    for group, one in grouped:
        groups[group].append(one)
    return {pair for members in groups.values() for pair in combinations(sorted(members), 2)}
