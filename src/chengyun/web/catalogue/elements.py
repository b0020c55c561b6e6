# SPDX-License-Identifier: Apache-2.0
"""Data elements: found, read with where each is used, written, bound to fields, retired; and their changes under review."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from chengyun.access.actors import actor_of
from chengyun.access.views import needs
from chengyun.city.elements import ELEMENT_TYPES
from chengyun.errors import NotFound, Refused
from chengyun.share.askonce.bindings import forms_asking
from chengyun.share.catalogue import dictionary, queries
from chengyun.share.catalogue.models import DataElement, ElementChange, Revision
from chengyun.web import places
from chengyun.web.catalogue.words import Tab, tabs
from chengyun.web.desk.deeds import Fault, attempt, done

SHOWN = 200
HINTS = {"synonyms": "；", "format": "c..50 / an18 / n..10,2 / YYYYMMDD", "source": "population.person.name"}


@dataclass(frozen=True)
class ElementsPage:
    """uses: at most SHOWN of them; more: how many further ones there are."""

    tabs: tuple[Tab, ...]
    text: str
    withdrawn: bool
    uses: tuple[queries.ElementUse, ...]
    more: int
    may_propose: bool


@dataclass(frozen=True)
class Attribute:
    label: str
    value: str


@dataclass(frozen=True)
class Version:
    """A change of an element: what it became, by whom, and what it changed."""

    change: ElementChange
    state: str
    lines: tuple[tuple[str, str, str], ...]
    own: bool
    may_review: bool


@dataclass(frozen=True)
class ElementPage:
    """forms: key and title of published forms that ask for it. pending: the change that waits, if the reader may see it."""

    tabs: tuple[Tab, ...]
    element: DataElement
    attributes: tuple[Attribute, ...]
    kept_in: tuple[tuple[str, str, str, bool], ...]
    forms: tuple[tuple[str, str], ...]
    versions: tuple[Version, ...]
    pending: bool
    may_propose: bool
    fault: Fault | None


@dataclass(frozen=True)
class Input:
    name: str
    label: str
    kind: str
    value: Any
    hint: str
    fixed: bool


@dataclass(frozen=True)
class ElementForm:
    """key: of the element; "" for a new one."""

    tabs: tuple[Tab, ...]
    key: str
    given_key: str
    inputs: tuple[Input, ...]
    types: tuple[tuple[str, str], ...]
    reason: str
    fault: Fault | None


@dataclass(frozen=True)
class ChangePage:
    tabs: tuple[Tab, ...]
    version: Version
    there: bool
    fault: Fault | None


@require_safe
@needs("desk.read")
def elements(request: HttpRequest) -> HttpResponse:
    """Find data elements."""
    actor, text = actor_of(request), request.GET.get("q", "").strip()[:100]
    withdrawn = request.GET.get("state") == "withdrawn"
    found = queries.elements(actor, text=text, withdrawn=withdrawn)
    page = ElementsPage(
        tabs(actor, "catalogue-elements"), text, withdrawn, tuple(found[:SHOWN]), max(0, len(found) - SHOWN),
        dictionary.may_propose(actor),
    )  # fmt: skip
    return render(request, "catalogue/elements.html", {"page": page})


@require_safe
@needs("desk.read")
def element(request: HttpRequest, key: str) -> HttpResponse:
    """Show one data element, where it is used, and its versions."""
    return _shown(request, key, None)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("catalogue.edit")
def new(request: HttpRequest) -> HttpResponse:
    """Write a new data element."""
    return _form(request, "")


@require_http_methods(["GET", "HEAD", "POST"])
@needs("catalogue.edit")
def edit(request: HttpRequest, key: str) -> HttpResponse:
    """Change a data element."""
    return _form(request, key)


@require_POST
@needs("catalogue.edit")
def retire(request: HttpRequest, key: str) -> HttpResponse:
    """Propose that an element is used no more."""
    actor, made = actor_of(request), list[ElementChange]()
    _access(key)
    given = request.POST
    fault = attempt(
        request, "retire",
        lambda: made.append(dictionary.retire(actor, key, given.get("reason", ""), given.get("replaced_by", ""))),
    )  # fmt: skip
    if fault:
        return _shown(request, key, fault)
    return done(request, _("已提交，等待他人审核。"), reverse("catalogue-element-change", args=[made[0].pk]))


@require_POST
@needs("catalogue.edit")
def bind(request: HttpRequest, key: str) -> HttpResponse:
    """Propose that a field of a resource is this element."""
    actor, made, given = actor_of(request), list[Revision](), request.POST
    _access(key)

    def do() -> None:
        resource, field = given.get("resource", "").strip(), given.get("field", "").strip()
        made.append(dictionary.bind(actor, key, resource, field, source=bool(given.get("source"))))

    try:
        fault = attempt(request, "bind", do)
    except NotFound as absent:
        fault = Fault("bind", absent.sentence, 404, given.dict())
    if fault:
        return _shown(request, key, fault)
    return done(request, _("已提交，等待他人审核。"), reverse("catalogue-revision", args=[made[0].pk]))


@require_safe
@needs("desk.read")
def change(request: HttpRequest, number: int) -> HttpResponse:
    """Show one change of an element."""
    return _change(request, number, None)


@require_POST
@needs("catalogue.edit")
def take_back(request: HttpRequest, number: int) -> HttpResponse:
    """Take back one's own change."""
    actor = actor_of(request)
    dictionary.access_change(actor, number)
    fault = attempt(request, "act", lambda: dictionary.discard(actor, number))
    return _change(request, number, fault) if fault else done(request, _("已撤回。"), reverse("catalogue-reviews"))


@require_POST
@needs("catalogue.review")
def settle(request: HttpRequest, number: int, deed: str) -> HttpResponse:
    """Let a change of an element through, or return it."""
    actor, accept = actor_of(request), deed == "accept"
    dictionary.access_change(actor, number)
    note = request.POST.get("note", "")
    fault = attempt(request, "settle", lambda: dictionary.review(actor, number, accept=accept, note=note))
    if fault:
        return _change(request, number, fault)
    return done(request, _("已通过，成为新版本。") if accept else _("已退回。"), reverse("catalogue-reviews"))


def _access(key: str) -> DataElement:
    found = DataElement.objects.filter(key=key).first()
    if found is None:
        raise NotFound(_("没有找到。"))
    return found


def _shown(request: HttpRequest, key: str, fault: Fault | None) -> HttpResponse:
    actor, one = actor_of(request), _access(key)
    uses = queries.elements(actor, [key], withdrawn=one.withdrawn)
    changes = ElementChange.objects.filter(element=key)
    accepted = changes.filter(state=ElementChange.State.ACCEPTED)[:50]
    page = ElementPage(
        tabs=tabs(actor, "catalogue-elements"),
        element=one,
        attributes=tuple(
            Attribute(str(label), said) for name, (label, _kind) in dictionary.FIELDS.items() if (said := _said(name, one))
        ),
        kept_in=uses[0].kept_in if uses else (),
        forms=tuple(forms_asking(key)),
        versions=tuple(_version(actor, it) for it in accepted),
        pending=changes.filter(state=ElementChange.State.SUBMITTED).exists(),
        may_propose=dictionary.may_propose(actor),
        fault=fault,
    )
    return render(request, "catalogue/element.html", {"page": page}, status=fault.status if fault else 200)


def _change(request: HttpRequest, number: int, fault: Fault | None) -> HttpResponse:
    actor = actor_of(request)
    one = dictionary.access_change(actor, number)
    there = DataElement.objects.filter(key=one.element).exists()
    page = ChangePage(tabs(actor, ""), _version(actor, one), there, fault)
    return render(request, "catalogue/element_change.html", {"page": page}, status=fault.status if fault else 200)


def _version(actor: Any, one: ElementChange) -> Version:
    own = one.author_id is not None and one.author_id == actor.account_id
    open_ = one.state == ElementChange.State.SUBMITTED
    lines = tuple((_label(name), _words(name, before), _words(name, after)) for name, (before, after) in one.changes.items())
    return Version(one, str(one.get_state_display()), lines, own and open_, open_ and not own and dictionary.may_review(actor))


def _form(request: HttpRequest, key: str) -> HttpResponse:
    actor = actor_of(request)
    one = _access(key) if key else None
    given_key, fault = request.POST.get("key", "").strip(), None
    values = dictionary.values_of(one) if one else dictionary.values_of(DataElement(type="C"))
    fixed = dictionary.DECLARED if one is not None and one.declared else frozenset[str]()
    if request.method == "POST":
        made: list[ElementChange] = []

        def do() -> None:
            if one is None and DataElement.objects.filter(key=given_key).exists():
                raise Refused(_("已有数据元 %s，请修改它。") % given_key, code="key_taken", field="key")
            said = _read(request.POST, fixed)
            made.append(dictionary.propose(actor, key or given_key, said, request.POST.get("reason", "")))

        fault = attempt(request, "element", do)
        if fault is None:
            return done(request, _("已提交，等待他人审核。"), reverse("catalogue-element-change", args=[made[0].pk]))
        values |= {name: _typed(name, request.POST) for name in dictionary.FIELDS if name not in fixed}
    page = ElementForm(
        tabs=tabs(actor, "catalogue-elements"),
        key=key,
        given_key=given_key,
        inputs=tuple(
            Input(
                name,
                str(label),
                kind,
                "；".join(values[name]) if kind == "words" else values[name],
                HINTS.get(name, ""),
                name in fixed,
            )
            for name, (label, kind) in dictionary.FIELDS.items()
        ),
        types=tuple((key, places.said(name)) for key, name in ELEMENT_TYPES.items()),
        reason=request.POST.get("reason", ""),
        fault=fault,
    )
    return render(request, "catalogue/element_form.html", {"page": page}, status=fault.status if fault else 200)


def _read(post: Mapping[str, str], fixed: frozenset[str]) -> dict[str, Any]:
    values = {name: _typed(name, post) for name in dictionary.FIELDS if name not in fixed}
    if "length" in values and isinstance(values["length"], str):
        raise Refused(_("长度是 1 到 1000000 的整数，或留空。"), code="length", field="length")
    return values


def _typed(name: str, post: Mapping[str, str]) -> Any:
    """Return a field as it was typed; a length that is no number stays a text."""
    text = post.get(name, "").strip()
    match dictionary.FIELDS[name][1]:
        case "flag":
            return bool(text)
        case "words":
            return [word.strip() for word in text.replace(";", "；").replace("、", "；").split("；") if word.strip()]
        case "number":
            return int(text) if text.isascii() and text.isdigit() and len(text) < 8 else text or None
        case _:
            return text


def _said(name: str, one: DataElement) -> str:
    if name == "type":
        return places.said(str(one.get_type_display()))
    return _words(name, getattr(one, name))


def _label(name: str) -> str:
    if name in dictionary.FIELDS:
        return str(dictionary.FIELDS[name][0])
    return {"withdrawn": _("停用"), "replaced_by": _("改用")}.get(name, name)


def _words(name: str, value: Any) -> str:
    if name == "type":
        return places.said(str(ELEMENT_TYPES.get(value, value or "")))
    match value:
        case None:
            return ""
        case bool():
            return _("是") if value else _("否")
        case list() | tuple():
            return "；".join(_each(value))
        case _:
            return str(value)


def _each(values: Sequence[Any]) -> list[str]:
    return [str(one) for one in values]
