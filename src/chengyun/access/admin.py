# SPDX-License-Identifier: Apache-2.0
"""The administration of organisations, accounts, grants and keys, in three powers that do not mix (三权分立).

    系统 administrator       organisations, accounts, assignments, keys; not grants, not their own assignments
    安全 security_officer    grants; not to their own body or role
    审计 auditor             reads the audit log, which nobody edits

Pages here write through services.py, so a rule holds in whatever way somebody comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext as _

from chengyun.access import audit, delegation, services
from chengyun.access.actors import Actor, actor_of
from chengyun.access.models import Account, Assignment, AuditRecord, Grant, Organisation, Role, Token
from chengyun.access.policy import may, scope
from chengyun.access.rulebook import rulebook
from chengyun.errors import NotFound, Refused


class _Told:
    """A form that says what the service refused when it was sent the first time, so that it is not sent again."""

    refused: Refused | None

    def clean(self) -> Any:
        if self.refused is not None:
            raise forms.ValidationError(self.refused.sentence)
        return super().clean()  # type: ignore[misc]


class PolicyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Asks the policy instead of Django's permission tables.

    read, write: actions of policy.toml; write None: nothing is added, changed or deleted here.
    """

    read: str = "administration.enter"
    write: str | None = None
    actions = None

    def changeform_view(self, request: HttpRequest, *args: Any, **rest: Any) -> Any:
        """Show what a service refused above the form, with everything that was typed."""
        try:
            return super().changeform_view(request, *args, **rest)
        except Refused as refused:
            if isinstance(refused, NotFound):
                raise
            request.refused = refused  # type: ignore[attr-defined]
        answer = super().changeform_view(request, *args, **rest)
        answer.status_code = HTTPStatus.BAD_REQUEST
        return answer

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **rest: Any) -> Any:
        made = super().get_form(request, obj, change, **rest)
        return type(made.__name__, (_Told, made), {"refused": getattr(request, "refused", None)})

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002  # Django's signature, as below
        return may(actor_of(request), self.read)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.write is not None and may(actor_of(request), self.write)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return self.write is not None and may(actor_of(request), self.write)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False


@admin.register(Organisation)
class OrganisationAdmin(PolicyAdmin):
    write = "account.manage"
    list_display = ["key", "name", "kind", "parent", "area_code"]
    list_filter = ["kind"]
    list_select_related = ["parent"]
    search_fields = ["key", "name"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        # The tree decides how far everybody reaches, so only whoever is at its root changes it.
        return super().has_add_permission(request) and delegation.whole(actor_of(request))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and delegation.whole(actor_of(request))


class AccountForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Account
        fields = ["username", "name", "organisation", "email", "is_active"]


class AboutPeople(PolicyAdmin):
    """Shows accounts of persons: the read is recorded, once a request."""

    purpose = "account"

    def get_queryset(self, request: HttpRequest) -> Any:
        found = super().get_queryset(request)
        return found.filter(self.of_account(self.within(request))) if self.reads(request) else found.none()

    def within(self, request: HttpRequest) -> Q:
        """Return the accounts whose rows are shown, as a condition."""
        return delegation.managed(actor_of(request))

    def reads(self, request: HttpRequest) -> bool:
        """Say whether accounts may be read, and record that they are."""
        seen = scope(actor_of(request), "accounts", self.purpose)
        if not getattr(request, "accounts_read", False):
            seen.record_read(f"admin/{self.opts.model_name}")
            request.accounts_read = True  # type: ignore[attr-defined]
        return seen.allowed

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **rest: Any) -> Any:
        """Offer the bodies and accounts that may be chosen, and no others: names of colleagues elsewhere are not shown."""
        if db_field.name == "organisation":
            rest["queryset"] = Organisation.objects.filter(delegation.bodies(actor_of(request)))
        elif db_field.name == "account":
            accounts = Account.objects.filter(delegation.appointable(actor_of(request)))
            rest["queryset"] = accounts if self.reads(request) else accounts.none()
        return super().formfield_for_foreignkey(db_field, request, **rest)

    def of_account(self, accounts: Q) -> Q:
        """Return rows of the accounts under a condition; here the rows are the accounts."""
        return accounts


@admin.register(Account)
class AccountAdmin(AboutPeople):
    """Passwords are never set here: a new account's page shows a one-time link for its person; so does the action."""

    read = write = "account.manage"
    form = AccountForm
    list_display = ["username", "name", "organisation", "is_active", "last_login"]
    list_select_related = ["organisation"]
    search_fields = ["username", "name"]

    def within(self, request: HttpRequest) -> Q:
        # The field of an assignment asks here whom it may name, which is more than whom one administers.
        asks = request.resolver_match is not None and request.resolver_match.url_name == "autocomplete"
        return delegation.appointable(actor_of(request)) if asks else super().within(request)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        # Django lets an address filter by any field; a hash that can be asked for digit by digit can be read.
        return not lookup.startswith("password") and super().lookup_allowed(lookup, value, request)

    def save_model(self, request: HttpRequest, obj: Account, form: Any, change: bool) -> None:
        actor = actor_of(request)
        delegation.require_body(actor, obj.organisation)
        if change:
            delegation.require_account(actor, Account.objects.get(pk=obj.pk))
            if obj.pk == actor.account_id and not obj.is_active:
                raise Refused(_("不能停用自己的账号，请由另一位管理员办理。"), code="self_assignment")
        else:
            obj.set_unusable_password()
        super().save_model(request, obj, form, change)
        if not change:
            _invite(request, obj)

    def get_actions(self, request: HttpRequest) -> Any:
        return {"invite": (_invite_each, "invite", _("发一次性登录链接"))} if self.has_add_permission(request) else {}


class MadeOnce(PolicyAdmin):
    """A row is made by a service and then only ended."""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: ARG002
        obj.pk = self.make(actor_of(request), form.cleaned_data)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False

    def get_actions(self, request: HttpRequest) -> Any:
        return {"end": (_end_each, "end", _("即日终止"))} if self.has_add_permission(request) else {}

    def make(self, actor: Actor, given: dict[str, Any]) -> int:
        """Call the service; return the number of the row it made."""
        raise NotImplementedError

    def end(self, actor: Actor, row: Any) -> None:
        """Call the service that ends a row."""
        raise NotImplementedError


@admin.register(Assignment)
class AssignmentAdmin(MadeOnce, AboutPeople):
    read = write = "account.manage"
    fields = ["account", "role", "organisation", "area_code", "until"]
    autocomplete_fields = ["account"]
    list_display = ["account", "role", "organisation", "area_code", "since", "until"]
    list_filter = ["role"]
    list_select_related = ["account", "organisation"]

    def of_account(self, accounts: Q) -> Q:
        return Q(account__in=Account.objects.filter(accounts))

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **rest: Any) -> Any:
        if db_field.name == "role":
            given = delegation.roles(actor_of(request))
            rest["choices"] = [("", "---------"), *(one for one in Role.choices if one[0] in given)]
        return super().formfield_for_choice_field(db_field, request, **rest)

    def make(self, actor: Actor, given: dict[str, Any]) -> int:
        return services.assign(actor, **given).pk

    def end(self, actor: Actor, row: Assignment) -> None:
        services.end_assignment(actor, row)


@admin.register(Grant)
class GrantAdmin(MadeOnce):
    read = write = "grant.manage"
    fields = [
        "dataset", "organisation", "role", "fields", "area_code", "rows_since", "rows_until", "purpose", "basis", "frequency",
        "until",
    ]  # fmt: skip
    list_display = ["number", "dataset", "organisation", "role", "area_code", "purpose", "since", "until", "revoked_at"]
    list_select_related = ["organisation", "granted_by"]
    list_filter = ["dataset"]

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **rest: Any) -> Any:
        """Offer datasets and purposes by their names: nobody knows their keys by heart."""
        book = rulebook()
        named: dict[str, Mapping[str, str]] = {
            "dataset": {key: one.name for key, one in book.datasets.items()}, "purpose": book.purposes,
        }  # fmt: skip
        if db_field.name not in named:
            return super().formfield_for_dbfield(db_field, request, **rest)
        offered = [("", "---------"), *((key, f"{_(name)} ({key})") for key, name in named[db_field.name].items())]
        return forms.ChoiceField(choices=offered, required=not db_field.blank, label=db_field.verbose_name)

    def make(self, actor: Actor, given: dict[str, Any]) -> int:
        return services.grant(actor, **given).pk

    def end(self, actor: Actor, row: Grant) -> None:
        services.end_grant(actor, row)


@admin.register(Token)
class TokenAdmin(PolicyAdmin):
    """Keys are made with `chengyun token create`, where they can be shown once; here they are seen."""

    read = "token.manage"
    list_display = ["prefix", "name", "scopes", "organisation", "created_at", "expires_at", "revoked_at"]
    list_select_related = ["organisation"]
    exclude = ["digest"]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_view_permission(request, obj) and delegation.whole(actor_of(request))

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return not lookup.startswith("digest") and super().lookup_allowed(lookup, value, request)


@admin.register(AuditRecord)
class AuditRecordAdmin(PolicyAdmin):
    read = "audit.read"
    list_display = ["id", "at", "actor", "organisation", "action", "dataset", "target", "purpose"]
    list_filter = ["action", "dataset"]
    date_hierarchy = "at"
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> Any:
        if not getattr(request, "audit_read", False):
            audit.record(actor_of(request), "read", "audit", "admin")
            request.audit_read = True  # type: ignore[attr-defined]
        return super().get_queryset(request).filter(delegation.audited(actor_of(request)))


def _invite(request: HttpRequest, account: Account) -> None:
    link = request.build_absolute_uri(services.invite(actor_of(request), account))
    messages.warning(request, _("请把这个一次性链接交给 %(name)s，24 小时内有效：%(link)s") % {"name": account, "link": link})


def _invite_each(_admin: AccountAdmin, request: HttpRequest, accounts: Iterable[Account]) -> None:
    _each(request, accounts, lambda account: _invite(request, account))


def _end_each(admin_page: MadeOnce, request: HttpRequest, rows: Iterable[Any]) -> None:
    ended = _each(request, rows, lambda row: admin_page.end(actor_of(request), row))
    if ended:
        messages.success(request, _("已终止 %d 项。") % ended)


def _each(request: HttpRequest, rows: Iterable[Any], do: Callable[[Any], object]) -> int:
    """Do something with each row, say which were refused and why, and return how many were done."""
    done = 0
    for row in rows:
        try:
            do(row)
        except Refused as refused:
            messages.error(request, f"{row}：{refused.sentence}")
        else:
            done += 1
    return done
