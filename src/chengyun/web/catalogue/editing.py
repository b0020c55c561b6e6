# SPDX-License-Identifier: Apache-2.0
"""The form of a resource: for a new one, or a change of one that is there; kept as a draft or handed to review."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from chengyun.access.actors import actor_of
from chengyun.access.models import Organisation
from chengyun.access.views import needs
from chengyun.city.elements import ELEMENT_TYPES
from chengyun.errors import Refused
from chengyun.share.catalogue import queries, services
from chengyun.share.catalogue.fields import FIELDS, item_values, values_of
from chengyun.share.catalogue.importing import EMPTY
from chengyun.share.catalogue.models import DataElement, Revision
from chengyun.share.catalogue.rights import require_edit
from chengyun.share.catalogue.vocabulary import CYCLES, SHARING, WAYS
from chengyun.web import places
from chengyun.web.catalogue.words import Tab, tabs
from chengyun.web.days import day_of
from chengyun.web.desk.deeds import Fault, attempt, done

CHOICES: Mapping[str, Mapping[str, Any]] = {"sharing": SHARING, "cycle": CYCLES, "ways": WAYS}
LONG = ("summary",)
LEFT_OUT = ("state", "owner")
SPARE_ROWS = 5
"""Empty rows offered for new items; after saving there are as many again."""


@dataclass(frozen=True)
class Choice:
    value: str
    name: str
    chosen: bool


@dataclass(frozen=True)
class Input:
    """One field of the form. kind: text, long, day, flag, one or many. hint: how several words are written."""

    name: str
    label: str
    kind: str
    value: str
    choices: tuple[Choice, ...]
    hint: str


@dataclass(frozen=True)
class ItemInput:
    """A row of the items. fixed: its field and type are the data's own."""

    number: int
    values: Mapping[str, Any]
    fixed: bool


@dataclass(frozen=True)
class EditPage:
    """key: of the resource, "" for a new one. started: the reader's own change that the form goes on with, None: none.

    others: who else has a change under way, which has to end first; "": nobody.
    reviewed: the reader's own change that is being reviewed, which they take back first; None: none.
    """

    tabs: tuple[Tab, ...]
    key: str
    name: str
    inputs: tuple[Input, ...]
    items: tuple[ItemInput, ...]
    types: tuple[tuple[str, str], ...]
    elements: tuple[tuple[str, str], ...]
    reason: str
    started: Revision | None
    others: str
    reviewed: Revision | None
    fault: Fault | None


@require_http_methods(["GET", "HEAD", "POST"])
@needs("catalogue.edit")
def new(request: HttpRequest) -> HttpResponse:
    """Register a resource that is kept elsewhere."""
    return _form(request, "")


@require_http_methods(["GET", "HEAD", "POST"])
@needs("catalogue.edit")
def edit(request: HttpRequest, key: str) -> HttpResponse:
    """Change what the catalogue says of a resource."""
    return _form(request, key)


def _form(request: HttpRequest, key: str) -> HttpResponse:
    actor = actor_of(request)
    one = queries.resource(actor, key) if key else None
    if one is not None:
        require_edit(actor, one)
    fault = None
    if request.method == "POST":
        made: list[Revision] = []

        def do() -> None:
            values, items = _read(request.POST)
            if one is None:
                draft = services.register(actor, {**EMPTY, **values}, items)
            else:
                draft = services.propose(actor, one.key, values, items, reason=request.POST.get("reason", ""))
            if request.POST.get("deed") == "submit":
                services.submit(actor, draft.pk)
            made.append(draft)

        fault = _whole(request, do)
        if fault is None:
            said = _("已提交，等待他人审核。") if request.POST.get("deed") == "submit" else _("草稿已保存。")
            return done(request, said, reverse("catalogue-revision", args=[made[0].pk]))
    values: Mapping[str, Any] = (
        values_of(one) if one else {**EMPTY, "provider": None, "sharing": "conditional", "cycle": "month", "code": ""}
    )
    items: list[dict[str, Any]] = item_values(queries.items_of(one)) if one else []
    started = services.unfinished(actor, one) if one is not None and request.method != "POST" else None
    if started is not None:
        values = {**values, **{name: pair[1] for name, pair in started.changes.items() if name != "items"}}
        items = started.changes["items"][1] if "items" in started.changes else items
    if request.method == "POST":
        given, items = _read(request.POST, again=True)
        values = {**values, **given}
    fixed = one is not None and one.kind != "external"
    spare: list[dict[str, Any]] = [] if fixed else [{}] * SPARE_ROWS
    page = EditPage(
        tabs=tabs(actor, ""),
        key=key,
        name=one.name if one else "",
        inputs=tuple(_input(name, values.get(name)) for name in FIELDS if name not in LEFT_OUT),
        items=tuple(ItemInput(at, it, fixed) for at, it in enumerate([*items, *spare])),
        types=tuple((key, places.said(name)) for key, name in ELEMENT_TYPES.items()),
        elements=tuple(DataElement.objects.filter(withdrawn=False).values_list("key", "name")),
        reason=started.reason if started else request.POST.get("reason", ""),
        started=started,
        others=services.others_change(actor, one) if one is not None else "",
        reviewed=one.revisions.filter(state=Revision.State.SUBMITTED, author=actor.account_id).first()
        if one is not None
        else None,
        fault=fault,
    )
    return render(request, "catalogue/edit.html", {"page": page}, status=fault.status if fault else 200)


def _whole(request: HttpRequest, do: Any) -> Fault | None:
    """Do both steps or neither: a change that may not be submitted leaves no draft behind a refusal."""

    def both() -> None:
        with transaction.atomic():
            do()

    return attempt(request, "edit", both)


def _read(post: QueryDict, *, again: bool = False) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return fields and items that were typed. Raises Refused naming what cannot be read.

    again: for the form to be shown once more: what cannot be read stays as it was typed.
    """
    values: dict[str, Any] = {}
    for name, (_label, kind) in FIELDS.items():
        if name in LEFT_OUT:
            continue
        if name == "provider":
            values[name] = _provider(post.get(name, "").strip(), again)
        elif name == "ways":
            values[name] = [way for way in WAYS if way in post.getlist(name)]
        elif kind == "words":
            values[name] = [part.strip() for part in post.get(name, "").replace(";", "；").split("；") if part.strip()]
        elif kind == "flag":
            values[name] = post.get(name) == "1"
        elif kind == "day":
            values[name] = _day(post.get(name, ""), again)
        elif name == "code":
            values[name] = post.get(name, "").strip() or None
        else:
            values[name] = post.get(name, "").strip()
    return values, _read_items(post, again)


def _provider(word: str, again: bool) -> int | None:
    found = Organisation.objects.filter(pk=int(word)).first() if word.isascii() and word.isdigit() and len(word) < 16 else None
    if word and found is None and not again:
        raise Refused(_("没有编号为 %s 的部门；请从提供方的列表中选择。") % word[:20], code="provider", field="provider")
    return found.pk if found else None


def _day(word: str, again: bool) -> str | None:
    if not word:
        return None
    try:
        return day_of(word).isoformat()
    except ValueError as wrong:
        if again:
            return word
        raise Refused(_("发布日期“%s”应为 YYYY-MM-DD 形式的日期。") % word[:20], code="day", field="published_on") from wrong


def _read_items(post: QueryDict, again: bool) -> list[dict[str, Any]]:
    items = []
    for number in range(len(post.getlist("item.key"))):

        def cell(name: str, at: int = number) -> str:
            given = post.getlist(f"item.{name}")
            return given[at].strip() if at < len(given) else ""

        if not cell("key") and not cell("name"):
            continue
        length = cell("length")
        readable = length.isascii() and length.isdigit() and len(length) < 11 and int(length) < 2**31
        if length and not readable and not again:
            raise Refused(
                _("信息项“%(item)s”的长度“%(length)s”应为正整数或空。") % {"item": cell("name"), "length": length[:20]},
                code="length",
            )
        items.append(
            {
                "key": cell("key") or cell("name"),
                "name": cell("name"),
                "type": cell("type") or "C",
                "length": int(length) if readable else length or None,
                "definition": cell("definition"),
                "personal": f"{number}" in post.getlist("item.personal"),
                "element": cell("element") or None,
                "source_of_record": f"{number}" in post.getlist("item.source"),
            }
        )
    return items


def _input(name: str, value: Any) -> Input:
    label, kind = str(FIELDS[name][0]), FIELDS[name][1]
    if name == "provider":
        bodies = Organisation.objects.order_by("name").values_list("pk", "name")
        options = tuple(Choice(str(pk), places.said(name), pk == value) for pk, name in bodies)
        return Input(name, label, "one", "", (Choice("", "—", value is None), *options), "")
    if name in CHOICES:
        chosen = set(value or ()) if name == "ways" else {value}
        options = tuple(Choice(code, str(said), code in chosen) for code, said in CHOICES[name].items())
        return Input(name, label, "many" if name == "ways" else "one", "", options, "")
    if kind == "flag":
        return Input(name, label, "flag", "1" if value else "", (), "")
    if kind == "words":
        return Input(name, label, "text", "；".join(value or ()), (), _("多个之间用分号"))
    return Input(name, label, "long" if name in LONG else "day" if kind == "day" else "text", str(value or ""), (), "")
