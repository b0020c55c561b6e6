# SPDX-License-Identifier: Apache-2.0
"""The terms of a request: which fields and rows, for how long and how often; what may be asked, and what is narrower."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.apps import apps
from django.utils.translation import gettext as _

from chengyun.access import grants
from chengyun.access.hints import meant
from chengyun.access.models import Grant, Organisation
from chengyun.access.predicates import prefix_of
from chengyun.access.rulebook import Facts, rulebook
from chengyun.access.services import check_terms
from chengyun.areas.models import Area
from chengyun.config import config
from chengyun.errors import Refused
from chengyun.share.requests.models import Request
from chengyun.share.requests.office import today

__all__ = [
    "Terms", "check", "columns", "differences", "end_of", "grant_words", "key_way", "known", "of", "of_grant", "provider_of",
    "read", "require_within", "unshared_because",
]  # fmt: skip

LONGEST_AREA = 15
NAMES = {
    "shown": "字段", "area_code": "区域", "rows_since": "数据起", "rows_until": "数据止", "frequency": "每日次数",
    "retention_days": "留存天数", "ends": "授权截止",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Terms:
    """shown: field → clear, pseudonym or masked; empty: all, as declared. area_code: "" for the whole city.

    rows_since, rows_until: period of the rows, its end excluded. frequency: reads a day. ends: last day of the grant.
    """

    shown: Mapping[str, str] = field(default_factory=dict)
    area_code: str = ""
    rows_since: dt.datetime | None = None
    rows_until: dt.datetime | None = None
    purpose: str = ""
    frequency: int | None = None
    retention_days: int = 0
    ends: dt.date | None = None


def known(dataset: str) -> Facts:
    """Return a dataset's facts. Raises Refused for one there is not."""
    facts = rulebook().datasets.get(dataset)
    if facts is None:
        raise Refused(_("没有信息资源 %s。") % dataset + meant(dataset, rulebook().datasets), code="dataset_unknown")
    return facts


def check(request: Request) -> Facts:
    """Return the dataset's facts when a request is complete and could be granted. Raises Refused naming what is missing."""
    facts, limits, day = known(request.dataset), rulebook().requests, today()
    if not request.purpose:
        raise Refused(_("请选择用途。"), code="purpose_missing")
    if not request.basis:
        raise Refused(_("请写明法定依据：哪部法律、法规或哪项职责。"), code="basis_missing")
    if request.ends is None:
        raise Refused(_("请写明授权到哪一天。"), code="ends_missing")
    if request.ends < day:
        raise Refused(_("授权截止日期已过。"), code="ends_past")
    if (request.ends - day).days > limits.longest_days:
        raise Refused(_("授权最长 %d 天，到期可续。") % limits.longest_days, code="ends_far")
    if facts.personal and not request.shown:
        raise Refused(_("%s 含个人信息：请逐个写明需要的字段。") % facts.name, code="fields_missing")
    _require_area(request.area_code)
    check_terms(
        request.dataset, shown=request.shown, rows_since=request.rows_since, rows_until=request.rows_until,
        purpose=request.purpose, frequency=request.frequency, until=end_of(request.ends),
    )  # fmt: skip
    return facts


def of(request: Request) -> Terms:
    """Return what a request asks for."""
    return Terms(**{name: getattr(request, name) for name in columns(Terms())})


def of_grant(grant: Grant, ends: dt.date | None) -> Terms:
    """Return a grant's terms with another end."""
    return Terms(
        shown=grant.shown, area_code=grant.area_code, rows_since=grant.rows_since, rows_until=grant.rows_until,
        purpose=grant.purpose, frequency=grant.frequency, retention_days=grant.retention_days or 0, ends=ends,
    )  # fmt: skip


def columns(terms: Terms) -> dict[str, Any]:
    """Return terms as columns of a request."""
    if len(terms.area_code.strip()) > LONGEST_AREA:
        raise _no_area()
    found = {name: getattr(terms, name) for name in Terms.__dataclass_fields__}
    return found | {"shown": dict(terms.shown), "area_code": terms.area_code.strip()}


def read(kept: Mapping[str, Any]) -> Terms:
    """Return terms that were kept as JSON."""
    day, since, until = kept["ends"], kept["rows_since"], kept["rows_until"]
    terms = Terms(**{**kept, "ends": None, "rows_since": None, "rows_until": None})
    return replace(
        terms, ends=dt.date.fromisoformat(day) if day else None, rows_since=dt.datetime.fromisoformat(since) if since else None,
        rows_until=dt.datetime.fromisoformat(until) if until else None,
    )  # fmt: skip


def require_within(given: Terms, asked: Terms) -> None:
    """Raise Refused unless what is given is at most what was asked: an answer narrows a request, it never widens it."""
    wide = grants.WAYS
    most = asked.shown if key_way(asked) == "clear" else {**asked.shown, "key": "pseudonym"}
    wider = [
        one for one, way in given.shown.items()
        if asked.shown and (one not in most or wide.index(way) < wide.index(most[one]))
    ]  # fmt: skip
    rules = {
        "shown": not wider and (bool(given.shown) or not asked.shown),
        "area_code": prefix_of(given.area_code).startswith(prefix_of(asked.area_code)),
        "rows_since": asked.rows_since is None or (given.rows_since is not None and given.rows_since >= asked.rows_since),
        "rows_until": asked.rows_until is None or (given.rows_until is not None and given.rows_until <= asked.rows_until),
        "purpose": given.purpose == asked.purpose,
        "frequency": asked.frequency is None or (given.frequency is not None and given.frequency <= asked.frequency),
        "retention_days": given.retention_days <= asked.retention_days,
        "ends": given.ends is not None and asked.ends is not None and given.ends <= asked.ends,
    }
    for name, held in rules.items():
        if not held:
            said = _("答复不能宽于申请：%s。") % _(NAMES.get(name, "用途"))
            raise Refused(said, code="wider", field=name)


def key_way(terms: Terms) -> str:
    """Return how rows of persons are told apart: where a field is a pseudonym so is the key, unless it was asked for by name."""
    return terms.shown.get("key") or ("pseudonym" if "pseudonym" in terms.shown.values() else "clear")


def differences(given: Terms, asked: Terms) -> list[str]:
    """Return the names of what was narrowed; that a key goes with pseudonyms is no narrowing."""
    most = replace(asked, shown={**asked.shown, "key": "pseudonym"}) if key_way(asked) == "pseudonym" else asked
    given = replace(given, shown={**given.shown, "key": "pseudonym"}) if key_way(given) == "pseudonym" else given
    return [name for name in NAMES if getattr(given, name) != getattr(most, name)]


def grant_words(given: Terms, request: Request) -> dict[str, Any]:
    """Return terms as `access.services.write_grant` takes them."""
    words = columns(given)
    ends = words.pop("ends")
    return words | {"until": end_of(ends) if ends else None, "purpose": request.purpose}


def end_of(day: dt.date) -> dt.datetime:
    """Return when a grant ends whose last day this is."""
    return dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), config().zone)


def provider_of(facts: Facts) -> Organisation | None:
    """Return the body that answers for a dataset: the catalogue's, or the declared owner; None: the city's centre."""
    if (entry := _catalogued(facts.key)) is not None and entry.provider is not None:
        found: Organisation = entry.provider
        return found
    return Organisation.objects.filter(name=facts.owner).first() if facts.owner else None


def unshared_because(facts: Facts) -> str:
    """Return why a dataset is not shared: the basis its catalogue entry names, and the rule that asks for one."""
    entry = _catalogued(facts.key)
    basis = (entry.basis if entry is not None else "") or rulebook().requests.unshared_basis
    return _("%(name)s 不予共享。依据：%(basis)s。") % {"name": facts.name, "basis": basis}


def _require_area(code: str) -> None:
    """Raise Refused for what is no area of this city, now or before: a grant for it would lead to no row."""
    if not code:
        return
    if not (code.isascii() and code.isdigit()):
        raise _no_area()
    inside = prefix_of(code)
    if Area.objects.exists() and not Area.objects.filter(code__startswith=inside).exists():
        raise Refused(_("没有区域 %s，也不曾有过；请核对区域编码。") % code, code="area_unknown", field="area_code")


def _no_area() -> Refused:
    return Refused(_("区域编码是至多十五位数字。"), code="area_invalid", field="area_code")


def _catalogued(dataset: str) -> Any:
    if not apps.is_installed("chengyun.share.catalogue"):
        return None
    return apps.get_model("catalogue", "Resource").objects.filter(key=dataset).select_related("provider").first()
