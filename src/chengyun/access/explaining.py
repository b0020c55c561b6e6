# SPDX-License-Identifier: Apache-2.0
"""Why somebody may or may not read: the decision that `scope` makes, in words, with the grants that did not help.

It is made by the same function that decides; nothing is decided here.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import timezone
from django.utils.translation import gettext as _

from chengyun.access import audit, delegation, grants
from chengyun.access.actors import ANONYMOUS, Actor, actor_of_account
from chengyun.access.models import Account, Grant
from chengyun.access.policy import Layer, Scope, may, require, scope
from chengyun.access.predicates import And, AreaIn, During, Everything, FieldIn, Nothing, Or, Predicate, ValidIn
from chengyun.access.rulebook import rulebook
from chengyun.errors import NotFound

__all__ = ["Explanation", "Reason", "actor_named", "explain", "explain_for"]


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason to read. rows: which rows, in words. fields: what of them is masked or left out, in words; "" for nothing."""

    because: str
    rows: str
    fields: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """sentence: the whole decision in one. refused: grants that name the actor and did not help, each with why."""

    allowed: bool
    sentence: str
    reasons: tuple[Reason, ...]
    refused: tuple[str, ...]


def actor_named(username: str) -> Actor:
    """Return the actor of an account; "" is the public. Raises NotFound."""
    if not username:
        return ANONYMOUS
    account = Account.objects.filter(username__iexact=username, is_active=True).first()
    if account is None:
        raise NotFound(_("没有账号 %s。") % username)
    return actor_of_account(account)


def explain_for(asker: Actor, username: str, dataset: str, field: str = "", purpose: str = "") -> Explanation:
    """Explain a decision about somebody to whoever may know it; recorded. Raises Refused, and NotFound for nobody.

    A steward learns only about those who come with a post inside the steward's own areas.
    """
    require(asker, "access.explain")
    actor = actor_named(username)
    if actor.account_id != asker.account_id and not _oversees(asker, actor):
        raise NotFound(_("没有账号 %s。") % username)
    audit.record(asker, "access.explain", dataset, username, purpose, {"field": field})
    return explain(actor, dataset, field, purpose)


def explain(actor: Actor, dataset: str, field: str = "", purpose: str = "") -> Explanation:
    """Explain what an actor may read of a dataset, or of one field of it."""
    found = scope(actor, dataset, purpose or None)
    refused = tuple(_idle_grants(actor, dataset, purpose, found))
    reasons = tuple(Reason(one.because, rows_in_words(one.rows), _fields(one)) for one in found.layers)
    if not found.allowed:
        return Explanation(False, _("不允许：%s") % found.because, (), refused)
    parts = [_("允许：%s") % found.because]
    if field:
        parts.append(_field_in_words(found, field))
    return Explanation(True, "；".join(parts) + "。", reasons, refused)


def rows_in_words(rows: Predicate) -> str:
    """Return a predicate as a person reads it."""
    match rows:
        case Everything():
            return _("全部")
        case Nothing():
            return _("没有")
        case AreaIn(prefixes):
            return _("区域编码以 %s 开头") % "、".join(prefixes)
        case FieldIn(field, values):
            return _("%(field)s 为 %(values)s") % {"field": field, "values": "、".join(map(str, values))}
        case During(since, until) | ValidIn(since, until):
            return _("时间 %(since)s 至 %(until)s") % {"since": since or "…", "until": until or "…"}
        case And(parts):
            return _(" 且 ").join(map(rows_in_words, parts))
        case Or(parts):
            return _(" 或 ").join(map(rows_in_words, parts))


def _field_in_words(found: Scope, field: str) -> str:
    known = grants.fields_of(found.dataset)
    if known and field not in known:
        return _("没有字段 %s") % field
    shown = [layer for layer in found.layers if layer.shows(field)]
    if not shown:
        return _("字段 %s 不给出，因为没有一条理由包含它") % field
    if clear := [layer for layer in shown if field not in layer.masks]:
        partly = "" if len(clear) == len(found.layers) else _("，限于这条理由所及的行")
        return _("字段 %(field)s 明文，因为 %(because)s") % {"field": field, "because": clear[0].because} + partly
    kind = shown[0].masks[field]
    way = _("以假名给出") if kind.startswith("pseudonym") else _("遮盖")
    return _("字段 %(field)s %(way)s，因为 %(because)s 只给出这样的值") % {
        "field": field, "way": way, "because": "；".join(layer.because for layer in shown),
    }  # fmt: skip


def _fields(layer: Layer) -> str:
    parts = []
    if layer.only is not None:
        parts.append(_("只给出 %s") % "、".join(sorted(layer.only)))
    blind = sorted(name for name, kind in layer.masks.items() if kind.startswith("pseudonym"))
    if masked := sorted(layer.masks.keys() - set(blind)):
        parts.append(_("遮盖 %s") % "、".join(masked))
    if blind:
        parts.append(_("以假名给出 %s") % "、".join(blind))
    if layer.hidden:
        parts.append(_("不给出 %s") % "、".join(sorted(layer.hidden)))
    return "；".join(parts)


def _idle_grants(actor: Actor, dataset: str, purpose: str, found: Scope) -> list[str]:
    """Say of each grant that names the actor's body or role, and was not used, why not."""
    facts = rulebook().datasets.get(dataset)
    if facts is None:
        return []
    now, said = timezone.now(), []
    bodies = {body for post in actor.posts for body in post.bodies} | {post.organisation for post in actor.posts}
    for grant in Grant.objects.filter(dataset=dataset).select_related("organisation").order_by("-id")[:50]:
        key = grant.organisation.key if grant.organisation else None
        if grant.number in found.grants or not ((key in bodies) if key else grant.role in actor.roles):
            continue
        words = {"number": grant.number}
        if grant.revoked_at is not None:
            said.append(_("%(number)s 已撤销") % words)
        elif grant.until is not None and grant.until <= now:
            said.append(_("%(number)s 已到期") % words)
        elif grant.since > now:
            said.append(_("%(number)s 尚未生效") % words)
        elif grant.purpose and grant.purpose != purpose:
            named = rulebook().purposes.get(grant.purpose, grant.purpose)
            said.append(_("%(number)s 是为另一用途：%(purpose)s") % (words | {"purpose": _(named)}))
        elif why := grants.standing(grant, facts):
            said.append(why[1])
        else:
            said.append(_("%(number)s 与此人岗位的区域不相交，或已有不受限的理由") % words)
    return said


def _oversees(asker: Actor, actor: Actor) -> bool:
    if may(asker, "grant.manage") or delegation.oversees(asker):
        return True
    areas = [post.area for post in asker.posts if post.role in rulebook().actions["access.explain"][1]]
    return bool(actor.posts) and all(any(post.area.startswith(area) for area in areas) for post in actor.posts)
