# SPDX-License-Identifier: Apache-2.0
"""What happens to organisations, accounts, assignments, grants and keys. Nothing else writes them.

Every deed is allowed by the policy first and recorded in the same transaction.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _

from chengyun.access import audit, delegation, grants, keystore, pseudonyms, tokens
from chengyun.access.actors import SYSTEM, Actor, actor_of_account
from chengyun.access.hints import meant
from chengyun.access.models import Account, Assignment, FirstSignIn, Grant, Organisation, Role, Token
from chengyun.access.policy import require
from chengyun.access.predicates import prefix_of
from chengyun.access.rulebook import Facts, rulebook
from chengyun.areas.models import Area
from chengyun.errors import NotFound, Refused, nearest

CENTRE = ("operations_centre", "市城市运行中心")
DEPARTMENTS = (
    ("environment", "生态环境局"), ("enforcement", "综合执法局"), ("data", "大数据局"), ("housing", "住房和城乡建设局"),
    ("transport", "交通运输局"), ("police", "公安局"), ("market", "市场监督管理局"),
)  # fmt: skip
"""The bodies a city starts with, each with a branch in every district; packs name their owner by these names. A city adds its own
in the administration."""
BRANCH = "分局"
"""What the name of a department's branch in a district ends with, behind the department's and the district's."""
WHOLE_CITY = (
    ("urban", "城市管理局"), ("emergency", "应急管理局"), ("water", "水利局"), ("meteorology", "气象局"),
    ("statistics", "统计局"), ("justice", "司法局"),
)  # fmt: skip
"""Bodies without branches."""

FIRST_ROLES = (Role.ADMINISTRATOR, Role.DUTY_OFFICER, Role.DATA_STEWARD)
"""What the first account holds: on the first day one person does everything but grant and audit."""

LINK_LIVES = dt.timedelta(hours=24)


def ensure_organisations() -> int:
    """Make the bodies a city starts with and their district branches, where they are missing. Returns how many were made."""
    today = timezone.localdate()
    areas = Area.objects.filter(Q(valid_to=None) | Q(valid_to__gt=today), valid_from__lte=today)
    districts = list(areas.filter(level="district").values_list("code", "name").order_by("code"))
    wanted: list[tuple[str, str, str, str | None, str]] = [(*CENTRE, Organisation.Kind.CENTRE, None, "")]
    for key, name in DEPARTMENTS:
        wanted.append((key, name, Organisation.Kind.DEPARTMENT, CENTRE[0], ""))
        wanted += [(f"{key}_{code}", f"{name}{area}{BRANCH}", Organisation.Kind.BRANCH, key, code) for code, area in districts]
    wanted += [(key, name, Organisation.Kind.DEPARTMENT, CENTRE[0], "") for key, name in WHOLE_CITY]
    known = dict(Organisation.objects.values_list("key", "pk"))
    made = 0
    with transaction.atomic():
        for key, name, kind, parent, area_code in wanted:
            if key not in known:
                row = Organisation.objects.create(
                    key=key, name=name, kind=kind, parent_id=known[parent] if parent else None, area_code=area_code
                )
                known[key] = row.pk
                made += 1
        if made:
            audit.record(SYSTEM, "organisation.create", "accounts", detail={"made": made})
    return made


def first_sign_in_link(now: dt.datetime | None = None) -> str | None:
    """Return the path of a link that makes the first administrator, once, within a day; None when there is one already.

    A new link puts the one before out of use. Only its digest is kept.
    """
    now = now or timezone.now()
    if _has_administrator():
        return None
    with transaction.atomic():
        FirstSignIn.objects.filter(account=None, used_at=None).delete()
        return _link(None, now)


def invite(actor: Actor, account: Account, now: dt.datetime | None = None) -> str:
    """Return the path of a link by which an account's person chooses a password, once, within a day."""
    delegation.require_account(actor, account)
    now = now or timezone.now()
    with transaction.atomic():
        FirstSignIn.objects.filter(account=account, used_at=None).delete()
        audit.record(actor, "account.invite", "accounts", str(account.pk))
        return _link(account, now)


def find_first_sign_in(code: str, now: dt.datetime | None = None) -> FirstSignIn:
    """Return the link's row. Raises NotFound when it is unknown, used, expired, or has no more account to let in."""
    now = now or timezone.now()
    found = FirstSignIn.objects.filter(digest=tokens.digest(code), used_at=None, expires_at__gt=now).first()
    late = found is not None and (_has_administrator() if found.account is None else not found.account.is_active)
    if found is None or late:
        raise NotFound(_("这个链接无效、已使用或已过期。"))
    return found


def use_first_sign_in(code: str, password: str, username: str = "", name: str = "", now: dt.datetime | None = None) -> Account:
    """Use a link: set the password of its account, or make the first administrator. Raises NotFound, Refused."""
    now = now or timezone.now()
    with transaction.atomic():
        link = find_first_sign_in(code, now)
        # Taken by the update: of two browsers using one link, the second finds it used.
        if not FirstSignIn.objects.filter(pk=link.pk, used_at=None).update(used_at=now):
            raise NotFound(_("这个链接无效、已使用或已过期。"))
        account = link.account or _new_account(username, name)
        if link.account is None:
            centre = Organisation.objects.filter(key=CENTRE[0]).first()
            account.organisation = centre
            account.save()
            for role in FIRST_ROLES:
                Assignment.objects.create(account=account, role=role, organisation=centre)
        _set_password(account, password)
        audit.record(actor_of_account(account, now), "account.first_sign_in", "accounts", str(account.pk))
    return account


def create_account(
    actor: Actor, username: str, name: str = "", organisation: Organisation | None = None, email: str = ""
) -> Account:
    """Make an account without a password; `invite` gives its person the way in. Raises Refused."""
    delegation.require_body(actor, organisation)
    with transaction.atomic():
        account = _new_account(username, name)
        account.organisation = organisation
        account.email = email
        account.save()
        audit.record(actor, "account.create", "accounts", str(account.pk))
    return account


def assign(
    actor: Actor,
    account: Account,
    role: str,
    organisation: Organisation | None = None,
    area_code: str = "",
    until: dt.datetime | None = None,
) -> Assignment:
    """Give an account a role. Nobody gives one to themselves, and nobody holds two separated powers. Raises Refused."""
    if role not in Role.values:
        raise Refused(_("没有岗位 %s。") % role[:40] + meant(role, Role.values), code="role_unknown")
    if actor.account_id == account.pk:
        raise Refused(_("不能任命自己，请由另一位管理员办理。"), code="self_assignment")
    delegation.require_appointment(actor, account, role, organisation, area_code, until)
    now = grants.database_time()
    if until is not None and until <= now:
        raise Refused(_("任命的止期已过，请写将来的时间，或留空。"), code="ends_past", field="until")
    _require_area(area_code)
    with transaction.atomic():
        # The row lock keeps two assignments that would meet in one person from passing the check side by side.
        Account.objects.select_for_update().get(pk=account.pk)
        held = set(account.assignments.exclude(until__lte=timezone.now()).values_list("role", flat=True))
        for powers in rulebook().separation:
            if role in powers and (held & powers) - {role}:
                raise Refused(_("系统、安全、审计三种管理权不能由一人兼任。"), code="powers_separated")
        same = account.assignments.filter(role=role, organisation=organisation, area_code=area_code, since__lte=now)
        if same.filter(Q(until=None) | Q(until__gte=until) if until else Q(until=None)).exists():
            raise Refused(_("%s 已有同样的任命，不必再任命。") % account, code="held")
        made = Assignment.objects.create(account=account, role=role, organisation=organisation, area_code=area_code, until=until)
        detail = {"role": role, "organisation": organisation.key if organisation else "", "area_code": area_code}
        audit.record(actor, "assignment.create", "accounts", str(account.pk), detail=detail)
    return made


def end_assignment(actor: Actor, assignment: Assignment, now: dt.datetime | None = None) -> None:
    """End a role from now on: whoever could give it may end it, and nobody their own administration. Raises Refused."""
    if assignment.role == Role.ADMINISTRATOR and assignment.account_id == actor.account_id:
        raise Refused(_("不能终止自己的系统管理员岗位，请由另一位管理员办理。"), code="self_assignment")
    if assignment.until is not None and assignment.until <= (now or timezone.now()):
        raise Refused(_("任命“%s”已经终止。") % assignment, code="ended")
    given = (assignment.account, assignment.role, assignment.organisation, assignment.area_code)
    delegation.require_appointment(actor, *given, now or timezone.now())
    with transaction.atomic():
        assignment.until = now or timezone.now()
        assignment.save(update_fields=["until"])
        audit.record(actor, "assignment.end", "accounts", str(assignment.account_id), detail={"role": assignment.role})


def grant(actor: Actor, dataset: str, organisation: Organisation | None = None, role: str = "", **terms: Any) -> Grant:
    """Let an organisation or a role read more of a dataset; terms as of `write_grant`. Raises Refused.

    Nobody grants to a body or role of their own.
    """
    require(actor, "grant.manage")
    known = grants.fields_of(dataset) if dataset in rulebook().datasets else ()
    for name in terms.get("fields", ()):
        if known and name not in known:
            words = {"dataset": rulebook().datasets[dataset].name, "field": str(name)[:70]}
            said = _("%(dataset)s 没有字段 %(field)s。") % words
            raise Refused(said + meant(str(name), known), code="field_unknown", field="fields")
    _require_area(terms.get("area_code", ""))
    if terms.get("until") is not None and terms["until"] <= grants.database_time():
        raise Refused(_("授权截止日期已过。"), code="ends_past", field="until")
    return write_grant(actor, dataset, organisation, role, **terms)


def write_grant(
    actor: Actor,
    dataset: str,
    organisation: Organisation | None = None,
    role: str = "",
    *,
    fields: Sequence[str] = (),
    shown: Mapping[str, str] | None = None,
    area_code: str = "",
    rows_since: dt.datetime | None = None,
    rows_until: dt.datetime | None = None,
    rows: Mapping[str, Sequence[str | int]] | None = None,
    purpose: str = "",
    basis: str = "",
    frequency: int | None = None,
    retention_days: int | None = None,
    request: str = "",
    until: dt.datetime | None = None,
) -> Grant:
    """Write a grant that whoever calls has already allowed the actor to give. Raises Refused for one that leads nowhere."""
    shown, rows = dict(shown or {}), {name: list(values) for name, values in (rows or {}).items()}
    facts = check_terms(
        dataset, shown=shown, rows_since=rows_since, rows_until=rows_until, rows=rows, purpose=purpose, frequency=frequency,
        until=until,
    )  # fmt: skip
    own = {post.organisation for post in actor.posts} | {actor.organisation}
    if (organisation is not None and organisation.key in own) or role in actor.roles:
        raise Refused(_("不能授权给自己的部门或岗位。"), code="self_grant")
    with transaction.atomic():
        made = Grant.objects.create(
            dataset=dataset, organisation=organisation, role=role, fields=list(fields), shown=shown, area_code=area_code,
            rows_since=rows_since, rows_until=rows_until, rows=rows, purpose=purpose, basis=basis, frequency=frequency,
            retention_days=retention_days, request=request, until=until, granted_by_id=actor.account_id,
            terms=grants.terms_of(facts, shown),
        )  # fmt: skip
        detail = {
            "number": made.number, "to": organisation.key if organisation else role, "fields": list(fields) or shown,
            "area_code": area_code,
        }  # fmt: skip
        audit.record(actor, "grant.create", dataset, str(made.pk), purpose, detail)
    return made


def check_terms(
    dataset: str,
    *,
    shown: Mapping[str, str],
    rows_since: dt.datetime | None = None,
    rows_until: dt.datetime | None = None,
    rows: Mapping[str, Sequence[str | int]] | None = None,
    purpose: str = "",
    frequency: int | None = None,
    until: dt.datetime | None = None,
) -> Facts:
    """Return the dataset's facts when something could be granted on these terms. Raises Refused naming what could not."""
    facts = rulebook().datasets.get(dataset)
    if facts is None:
        raise Refused(_("没有信息资源 %s。") % dataset[:130] + meant(dataset, rulebook().datasets), code="dataset_unknown")
    if purpose and purpose not in rulebook().purposes:
        raise Refused(_("没有用途 %s。") % purpose[:40] + meant(purpose, rulebook().purposes), code="purpose_unknown")
    if facts.personal and not (purpose and until):
        raise Refused(_("%s 含个人信息，授权须写明用途和期限。") % facts.name, code="purpose_missing")
    if (shown or frequency is not None) and not purpose:
        raise Refused(_("指明字段或次数的授权须写明用途。"), code="purpose_missing")
    known = grants.fields_of(dataset)
    if shown and not known:
        raise Refused(_("%s 的字段不能分别授权。") % facts.name, code="fields_whole")
    for name, way in shown.items():
        if name not in known:
            said = _("%(dataset)s 没有字段 %(field)s。") % {"dataset": facts.name, "field": name[:70]}
            raise Refused(said + meant(name, known), code="field_unknown", field=name)
        if name == "key" and way != "clear" and not facts.personal:
            raise Refused(_("%s 不含个人信息，标识须以明文给出。") % facts.name, code="key_needed", field=name)
        if way == "pseudonym" and name != "key" and facts.masks.get(name) not in pseudonyms.KINDS:
            raise Refused(_("字段 %s 没有假名，请改要明文或掩码。") % name, code="no_pseudonym", field=name)
        if way not in grants.WAYS:
            said = _("字段 %(field)s 的给出方式 %(way)s 应为 %(ways)s 之一。")
            words = {"field": name, "way": str(way)[:40], "ways": "/".join(grants.WAYS)}
            raise Refused(said % words, code="way_unknown", field=name)
    for name, values in (rows or {}).items():
        if facts.kind != "entity" or name not in known:
            said = _("%(dataset)s 的行不能按 %(field)s 区分。") % {"dataset": facts.name, "field": name[:70]}
            raise Refused(said + meant(name, known), code="field_unknown")
        if not values or not all(isinstance(one, str | int) and not isinstance(one, bool) for one in values):
            raise Refused(_("行条件 %s 的值应为文字或整数，至少一个。") % name, code="rows_invalid", field=name)
    if rows_since and rows_until and rows_since >= rows_until:
        raise Refused(_("数据的起止时间颠倒了。"), code="period_invalid")
    if (rows_since or rows_until) and facts.kind != "entity" and not facts.time:
        raise Refused(_("%s 没有时间，不能按时段授权。") % facts.name, code="period_invalid")
    if frequency is not None and frequency < 1:
        raise Refused(_("每日次数至少为 1。"), code="frequency_invalid")
    return facts


def end_grant(actor: Actor, given: Grant, now: dt.datetime | None = None) -> None:
    """End a grant from now on. Raises Refused for one that has ended."""
    require(actor, "grant.manage")
    if given.revoked_at is not None or (given.until is not None and given.until <= (now or timezone.now())):
        raise Refused(_("授权 %s 已经终止。") % given.number, code="ended")
    end_granted(actor, given, now)


def end_granted(actor: Actor, given: Grant, now: dt.datetime | None = None) -> None:
    """End a grant that whoever calls has allowed the actor to end; one that ended before keeps its end."""
    ends = now or timezone.now()
    with transaction.atomic():
        given.until = min(given.until, ends) if given.until else ends
        given.save(update_fields=["until"])
        audit.record(actor, "grant.end", given.dataset, str(given.pk), given.purpose)


def revoke_grant(actor: Actor, given: Grant, reason: str) -> None:
    """Take a grant back at once, with the reason; whoever calls has allowed the actor to. Raises Refused without a reason."""
    if not reason.strip():
        raise Refused(_("请写明撤销的原因。"), code="reason_missing")
    with transaction.atomic():
        taken = Grant.objects.filter(pk=given.pk, revoked_at=None).update(revoked_at=Now(), revoke_reason=reason.strip()[:300])
        if not taken:
            raise Refused(_("授权 %s 已经撤销。") % given.number, code="revoked")
        given.refresh_from_db(fields=["revoked_at", "revoke_reason"])
        detail = {"number": given.number, "reason": given.revoke_reason}
        audit.record(actor, "grant.revoke", given.dataset, str(given.pk), given.purpose, detail)


PROTOCOLS = ("ngsild", "sensorthings")
"""Kernel datasets that neighbours write through a protocol of theirs: `ingest:<dataset>` lets them."""


def issue_token(
    scopes: Sequence[str],
    name: str = "",
    *,
    actor: Actor = SYSTEM,
    account: Account | None = None,
    organisation: Organisation | None = None,
    expires_at: dt.datetime | None = None,
) -> str:
    """Make a key and return it: the only time it is seen. Raises Refused for a scope that leads nowhere."""
    require(actor, "token.manage")
    streams = [key for key, facts in rulebook().datasets.items() if facts.kind == "stream" or key in PROTOCOLS]
    known = {"read", "simulate", "report", "ingest:*", *(f"ingest:{stream}" for stream in streams)}
    for one in scopes:
        if one not in known:
            there_are = "There are read, report, simulate, ingest:* and ingest:<stream>."
            raise Refused(f"{one!r} is no scope.{nearest(one, known)} {there_are}")
    if not scopes:
        raise Refused("A key needs a scope: read, report, simulate, ingest:* or ingest:<stream>.", code="scope_missing")
    raw, prefix = tokens.new_token()
    with transaction.atomic():
        made = Token.objects.create(
            prefix=prefix, digest=tokens.digest(raw), name=name or prefix, scopes=list(scopes), account=account,
            organisation=organisation, expires_at=expires_at,
        )  # fmt: skip
        audit.record(actor, "token.create", "accounts", made.prefix, detail={"scopes": list(scopes)})
    return raw


def revoke_token(prefix: str, actor: Actor = SYSTEM, now: dt.datetime | None = None) -> int:
    """Revoke the keys with a prefix. Returns how many. Raises NotFound when there is none."""
    require(actor, "token.manage")
    with transaction.atomic():
        revoked = Token.objects.filter(prefix=prefix, revoked_at=None).update(revoked_at=now or timezone.now())
        if not revoked:
            raise NotFound(f"No key in use begins with {prefix!r}. See `chengyun token list`.")
        audit.record(actor, "token.revoke", "accounts", prefix)
    return revoked


def rotate_key(name: str) -> int:
    """Make a new version of a key in the keystore; return its number. Whoever may run commands here may: there is no page.

    Raises Refused for a key there is none of. The keystore keeps no transaction: nothing is done where the database is away.
    """
    with transaction.atomic():
        version = keystore.keystore().rotate(name)
        audit.record(SYSTEM, "key.rotate", "", name, detail={"version": version})
    return version


def lose_key(key_id: str) -> None:
    """Tell others no longer to believe a key pair of ours that may be in other hands, by its thumbprint; as rotate_key."""
    with transaction.atomic():
        lost = keystore.keystore().lose(key_id)
        audit.record(SYSTEM, "key.lost", "", lost.name, detail={"version": lost.version, "key": key_id})


def _require_area(code: str) -> None:
    """Raise Refused for what is no area of this city, now or before: what is given for it would lead nowhere."""
    if code and Area.objects.exists() and not Area.objects.filter(code__startswith=prefix_of(code)).exists():
        raise Refused(_("没有区域 %s，也不曾有过；请核对区域编码。") % code, code="area_unknown", field="area_code")


def _has_administrator() -> bool:
    return Account.objects.filter(assignments__role=Role.ADMINISTRATOR, is_active=True).exists()


def _link(account: Account | None, now: dt.datetime) -> str:
    code = secrets.token_urlsafe(32)
    FirstSignIn.objects.create(digest=tokens.digest(code), account=account, expires_at=now + LINK_LIVES)
    return f"/accounts/first/{code}"


def _new_account(username: str, name: str) -> Account:
    account = Account(username=Account.normalize_username(username.strip()), name=name.strip())
    account.set_unusable_password()
    try:
        account.full_clean(exclude=["password"])
    except ValidationError as wrong:
        raise Refused(" ".join(wrong.messages), code="account_invalid") from wrong
    return account


def _set_password(account: Account, password: str) -> None:
    try:
        validate_password(password, account)
    except ValidationError as wrong:
        raise Refused(" ".join(wrong.messages), code="password_weak") from wrong
    account.set_password(password)
    account.save()
