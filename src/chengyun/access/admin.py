# SPDX-License-Identifier: Apache-2.0
"""The administration of organisations, accounts, grants and keys, in three powers that do not mix (三权分立).

    系统 administrator       organisations, accounts, assignments, keys; not grants, not their own assignments
    安全 security_officer    grants; not to their own body or role
    审计 auditor             reads the audit log, which nobody edits

Pages here write through services.py, so a rule holds in whatever way somebody comes.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from chengyun.access import services
from chengyun.access.actors import actor_of
from chengyun.access.models import Account, Assignment, AuditRecord, Grant, Organisation, Token
from chengyun.access.policy import may, scope
from chengyun.errors import Refused

admin.site.site_header = admin.site.site_title = gettext_lazy("城运 · 管理后台")


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


class AccountForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Account
        fields = ["username", "name", "organisation", "email", "is_active"]


@admin.register(Account)
class AccountAdmin(PolicyAdmin):
    """Passwords are never set here: saving a new account shows the one-time link for its person."""

    read = write = "account.manage"
    form = AccountForm
    list_display = ["username", "name", "organisation", "is_active", "last_login"]
    list_select_related = ["organisation"]
    search_fields = ["username", "name"]

    def get_queryset(self, request: HttpRequest) -> Any:
        return scope(actor_of(request), "accounts", "account").rows_for(super().get_queryset(request))

    def save_model(self, request: HttpRequest, obj: Account, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change:
            self._invite(request, obj)

    def response_change(self, request: HttpRequest, obj: Account) -> Any:
        if "_invite" in request.POST:
            self._invite(request, obj)
            return HttpResponseRedirect(request.path)
        return super().response_change(request, obj)

    def _invite(self, request: HttpRequest, account: Account) -> None:
        link = request.build_absolute_uri(services.invite(actor_of(request), account))
        messages.warning(request, _("请把这个一次性链接交给 %(name)s，24 小时内有效：%(link)s") % {"name": account, "link": link})


class RefusedForm(forms.ModelForm):  # type: ignore[type-arg]
    """Runs the service while the form is checked, so that a refusal is a message beside the form and not a fault."""

    request: HttpRequest

    def run(self) -> Any:
        raise NotImplementedError

    def clean(self) -> Any:
        data = super().clean()
        if not self.errors and self.instance.pk is None:
            try:
                self.made = self.run()
            except Refused as refused:
                raise forms.ValidationError(refused.sentence) from refused
        return data

    def save(self, commit: bool = True) -> Any:  # noqa: ARG002  # Django's signature
        self.save_m2m = lambda: None
        return self.made


class AssignmentForm(RefusedForm):
    class Meta:
        model = Assignment
        fields = ["account", "role", "organisation", "area_code", "until"]

    def run(self) -> Assignment:
        given = self.cleaned_data
        return services.assign(
            actor_of(self.request), given["account"], given["role"], given["organisation"], given["area_code"], given["until"]
        )


class GrantForm(RefusedForm):
    class Meta:
        model = Grant
        fields = ["dataset", "organisation", "role", "fields", "area_code", "purpose", "basis", "until"]

    def run(self) -> Grant:
        given = self.cleaned_data
        return services.grant(
            actor_of(self.request), given["dataset"], given["organisation"], given["role"], fields=given["fields"],
            area_code=given["area_code"], purpose=given["purpose"], basis=given["basis"], until=given["until"],
        )  # fmt: skip


class MadeOnce(PolicyAdmin):
    """A row is made by a service and then only ended."""

    form: type[RefusedForm]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **rest: Any) -> Any:
        made = super().get_form(request, obj, change, **rest)
        return type(made.__name__, (made,), {"request": request})

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        pass  # the form's service has written it

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False

    def end(self, request: HttpRequest, rows: Any) -> None:
        raise NotImplementedError

    def get_actions(self, request: HttpRequest) -> Any:
        if not self.has_add_permission(request):
            return {}
        return {"end": (lambda _admin, asking, rows: self.end(asking, rows), "end", gettext_lazy("即日终止"))}


@admin.register(Assignment)
class AssignmentAdmin(MadeOnce):
    read = write = "account.manage"
    form = AssignmentForm
    list_display = ["account", "role", "organisation", "area_code", "since", "until"]
    list_filter = ["role"]
    list_select_related = ["account", "organisation"]

    def end(self, request: HttpRequest, rows: Any) -> None:
        for row in rows:
            services.end_assignment(actor_of(request), row)


@admin.register(Grant)
class GrantAdmin(MadeOnce):
    read = write = "grant.manage"
    form = GrantForm
    list_display = ["dataset", "organisation", "role", "area_code", "purpose", "since", "until", "granted_by"]
    list_select_related = ["organisation", "granted_by"]
    list_filter = ["dataset"]

    def end(self, request: HttpRequest, rows: Any) -> None:
        for row in rows:
            services.end_grant(actor_of(request), row)


@admin.register(Token)
class TokenAdmin(PolicyAdmin):
    """Keys are made with `chengyun token create`, where they can be shown once; here they are seen."""

    read = "token.manage"
    list_display = ["prefix", "name", "scopes", "organisation", "created_at", "expires_at", "revoked_at"]
    list_select_related = ["organisation"]
    exclude = ["digest"]


@admin.register(AuditRecord)
class AuditRecordAdmin(PolicyAdmin):
    read = "audit.read"
    list_display = ["id", "at", "actor", "organisation", "action", "dataset", "target", "purpose"]
    list_filter = ["action", "dataset"]
    date_hierarchy = "at"
    show_full_result_count = False
