# SPDX-License-Identifier: Apache-2.0
"""The administration of organisations, accounts, grants and keys, in three powers that do not mix (三权分立).

    系统 administrator       organisations, accounts, assignments, keys; not grants, not their own assignments
    安全 security_officer    grants; not to their own body or role
    审计 auditor             reads the audit log, which nobody edits

Pages here write through services.py, so a rule holds in whatever way somebody comes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext as _

from chengyun.access import audit, delegation, services
from chengyun.access.actors import Actor, actor_of
from chengyun.access.models import Account, Assignment, AuditRecord, Grant, Organisation, Token
from chengyun.access.policy import may, scope


class PolicyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Asks the policy instead of Django's permission tables.

    read, write: actions of policy.toml; write None: nothing is added, changed or deleted here.
    """

    read: str = "administration.enter"
    write: str | None = None
    actions = None

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
        seen = scope(actor_of(request), "accounts", self.purpose)
        if not getattr(request, "accounts_read", False):
            seen.record_read(f"admin/{self.opts.model_name}")
            request.accounts_read = True  # type: ignore[attr-defined]
        if not seen.allowed:
            return found.none()
        return found.filter(self.of_account(delegation.managed(actor_of(request))))

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

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        # Django lets an address filter by any field; a hash that can be asked for digit by digit can be read.
        return not lookup.startswith("password") and super().lookup_allowed(lookup, value, request)

    def save_model(self, request: HttpRequest, obj: Account, form: Any, change: bool) -> None:
        delegation.require_body(actor_of(request), obj.organisation)
        if change:
            delegation.require_account(actor_of(request), Account.objects.get(pk=obj.pk))
        else:
            obj.set_unusable_password()
        super().save_model(request, obj, form, change)
        if not change:
            _invite(request, obj)

    def get_actions(self, request: HttpRequest) -> Any:
        return {"invite": (_invite_each, "invite", _("发一次性登录链接"))} if self.has_add_permission(request) else {}


class MadeOnce(PolicyAdmin):
    """A row is made by a service and then only ended. What a service refuses is shown as a page with its sentence."""

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
    list_display = ["account", "role", "organisation", "area_code", "since", "until"]
    list_filter = ["role"]
    list_select_related = ["account", "organisation"]

    def of_account(self, accounts: Q) -> Q:
        return Q(account__in=Account.objects.filter(accounts))

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
        return super().get_queryset(request)


def _invite(request: HttpRequest, account: Account) -> None:
    link = request.build_absolute_uri(services.invite(actor_of(request), account))
    messages.warning(request, _("请把这个一次性链接交给 %(name)s，24 小时内有效：%(link)s") % {"name": account, "link": link})


def _invite_each(_admin: AccountAdmin, request: HttpRequest, accounts: Iterable[Account]) -> None:
    for account in accounts:
        _invite(request, account)


def _end_each(admin_page: MadeOnce, request: HttpRequest, rows: Iterable[Any]) -> None:
    for row in rows:
        admin_page.end(actor_of(request), row)
