# SPDX-License-Identifier: Apache-2.0
"""What is asked of forms, tasks and submissions, each as far as its reader's scope reaches."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from django.db.models import Count, Q, QuerySet, TextField
from django.db.models.functions import Cast

from chengyun.access.actors import Actor
from chengyun.access.policy import may, require_scope, scope
from chengyun.collect.forms.models import Form, FormVersion, Photo, Submission, Task
from chengyun.errors import NotFound

__all__ = [
    "PAGE", "PURPOSE", "FormStanding", "Submissions", "access_form", "access_photo", "access_submission", "access_version",
    "chain_of", "choices_of", "find_submissions", "groups_of", "list_forms", "my_tasks", "tasks_of",
]  # fmt: skip

PURPOSE = "quality"
"""What submissions are read for when somebody looks through and reviews them."""
PAGE = 50
MOST_TASKS = 200
LONGEST_CHAIN = 50
_XFORMS = "{http://www.w3.org/2002/xforms}"


@dataclass(frozen=True, slots=True)
class FormStanding:
    """A form as its list shows it. version: the one that is offered now. counts: state → submissions the reader may see;
    None: none at all are theirs to see. tasks: open ones the reader may see."""

    form: Form
    version: FormVersion | None
    drafts: int
    counts: Mapping[str, int] | None
    tasks: int


@dataclass(frozen=True, slots=True)
class Submissions:
    """A page of submissions. counts: state → how many fit the other filters."""

    rows: tuple[Submission, ...]
    total: int
    more: bool
    counts: Mapping[str, int]


def list_forms(actor: Actor) -> list[FormStanding]:
    """Return the forms; drafts alone are shown to who designs. Raises NotFound for who may not read forms."""
    require_scope(actor, "forms")
    designer = may(actor, "form.design")
    versions = _light(FormVersion.objects.all())
    published = {one.form_id: one for one in versions.filter(state="published")}
    drafts = dict(FormVersion.objects.filter(state="draft").values_list("form_id").annotate(Count("id")))
    retired = set(FormVersion.objects.filter(state="retired").values_list("form_id", flat=True))
    reading, tasks = scope(actor, "submissions", PURPOSE), scope(actor, "form_tasks")
    counts: dict[str, dict[str, int]] = {}
    if reading.allowed:
        found = Submission.objects.filter(reading.q()).order_by()
        for key, state, count in found.values_list("version__form_id", "state").annotate(Count("id")):
            counts.setdefault(key, {})[state] = count
    asked = Task.objects.filter(tasks.q(), state="open").order_by()
    open_tasks = dict(asked.values_list("form_id").annotate(Count("id")))
    return [
        FormStanding(
            form, published.get(form.key), drafts.get(form.key, 0) if designer else 0,
            counts.get(form.key, {}) if reading.allowed else None, open_tasks.get(form.key, 0),
        )
        for form in Form.objects.all()
        if designer or form.key in published or form.key in retired
    ]  # fmt: skip


def access_form(actor: Actor, key: str) -> tuple[Form, list[FormVersion]]:
    """Return a form and its versions, newest first; drafts only to who designs. Raises NotFound."""
    require_scope(actor, "forms")
    form = Form.objects.filter(key=key).first()
    versions = _light(FormVersion.objects.filter(form_id=key)).order_by("-made_at", "-id")
    shown = list(versions if may(actor, "form.design") else versions.exclude(state="draft"))
    if form is None or not shown:
        raise NotFound(f"There is no form {key[:64]!r}.", dataset="forms")
    return form, shown


def access_version(actor: Actor, key: str, number: int) -> FormVersion:
    """Return one version with its source. Raises NotFound."""
    _form, versions = access_form(actor, key)
    found = next((one for one in versions if one.pk == number), None)
    if found is None:
        raise NotFound(f"There is no version {number} of form {key[:64]!r}.", dataset="forms")
    return found


def my_tasks(actor: Actor) -> list[Task]:
    """Return the open tasks given to the reader, or to nobody by name in an area the reader may see; what is due first."""
    found = Task.objects.filter(Q(person_id=actor.account_id) | Q(person=None), scope(actor, "form_tasks").q(), state="open")
    return list(found.select_related("form", "person")[:MOST_TASKS])


def tasks_of(actor: Actor, form: Form) -> list[Task]:
    """Return a form's tasks the reader may see, open ones first."""
    found = Task.objects.filter(scope(actor, "form_tasks").q(), form=form).select_related("person")
    state = ["open", "done", "cancelled"].index
    return sorted(found.order_by("-made_at")[:MOST_TASKS], key=lambda one: state(one.state))


def find_submissions(
    actor: Actor, *, form: str = "", state: str = "", area: str = "", text: str = "", page: int = 1
) -> Submissions:
    """Return a page of submissions that fit, newest first; empty filters take all. The read is recorded. Raises NotFound."""
    reading = require_scope(actor, "submissions", PURPOSE)
    found = Submission.objects.all()
    if form:
        found = found.filter(version__form_id=form)
    if area:
        found = found.filter(area_code__startswith=area)
    if text:
        found = found.annotate(words=Cast("values", TextField())).filter(
            Q(words__icontains=text) | Q(instance__icontains=text) | Q(account__name__icontains=text) | Q(device=text)
        )
    found = reading.rows_for(found, target=f"{form} {area}".strip())
    counts = dict(found.order_by().values_list("state").annotate(Count("id")))
    total = counts.get(state, 0) if state else sum(counts.values())
    chosen = found.filter(state=state) if state else found
    rows = chosen.select_related("version__form", "account", "task").defer(
        "xml", "version__source", "version__xform", "version__questions"
    )
    start = (page - 1) * PAGE
    return Submissions(tuple(rows[start : start + PAGE]), total, total > start + PAGE, counts)


def access_submission(actor: Actor, instance: str) -> Submission:
    """Return one submission; the read is recorded. Raises NotFound when there is none, or none for this reader."""
    reading = require_scope(actor, "submissions", PURPOSE)
    found = reading.rows_for(Submission.objects.filter(instance=instance), target=instance[:100])
    one = found.select_related("version__form", "account", "task").defer("version__source").first()
    if one is None:
        raise NotFound(f"There is no submission {instance[:80]!r}.", dataset="submissions")
    return one


def access_photo(actor: Actor, instance: str, number: int) -> Photo:
    """Return a file of a submission that has come; the read is recorded. Raises NotFound."""
    submission = access_submission(actor, instance)
    found = submission.photos.filter(pk=number).exclude(sha256="").first()
    if found is None:
        raise NotFound(f"There is no file {number} of {instance[:80]!r}.", dataset="submissions")
    return found


def chain_of(actor: Actor, submission: Submission) -> list[tuple[str, str, dt.datetime]]:
    """Return (instance, state in words, received) of a submission and its corrections, oldest first, as far as readable."""
    chain, reading = [submission], scope(actor, "submissions", PURPOSE)
    while chain[0].replaces_id and len(chain) < LONGEST_CHAIN:
        chain.insert(0, Submission.objects.defer("xml", "values").get(pk=chain[0].replaces_id))
    while len(chain) < LONGEST_CHAIN:
        after = Submission.objects.defer("xml", "values").filter(replaces=chain[-1]).first()
        if after is None:
            break
        chain.append(after)
    return [
        (one.instance, str(one.get_state_display()), one.received_at)
        for one in chain
        if reading.matches({"area_code": one.area_code})
    ]


@functools.lru_cache(maxsize=8)
def choices_of(xform: str) -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    """Return the choices of a form as pyxform writes it: question path → value → language → label."""
    root = ElementTree.fromstring(xform)  # noqa: S314  pyxform made it, and it is kept in our own database
    texts = _texts(root)
    lists = {one.get("id", ""): one for one in root.iter(f"{_XFORMS}instance") if one.get("id")}
    found: dict[str, dict[str, dict[str, str]]] = {}
    for element in (*root.iter(f"{_XFORMS}select1"), *root.iter(f"{_XFORMS}select")):
        path = (element.get("ref") or "").split("/", 2)[-1]
        items = element.find(f"{_XFORMS}itemset")
        if items is None:
            found[path] = {
                one.findtext(f"{_XFORMS}value") or "": _labelled(one.find(f"{_XFORMS}label"), texts)
                for one in element.iter(f"{_XFORMS}item")
            }
            continue
        named = lists.get((items.get("nodeset") or "").removeprefix("instance('").partition("'")[0])
        for item in named.iter(f"{_XFORMS}item") if named is not None else ():
            label = texts.get(item.findtext(f"{_XFORMS}itextId") or "") or {"": item.findtext(f"{_XFORMS}label") or ""}
            found.setdefault(path, {})[item.findtext(f"{_XFORMS}name") or ""] = label
    return found


@functools.lru_cache(maxsize=8)
def acknowledged_in(xform: str) -> frozenset[str]:
    """Return the paths of questions that are agreed to and not answered: their type in the form is that of text."""
    root = ElementTree.fromstring(xform)  # noqa: S314  as above
    return frozenset((one.get("ref") or "").split("/", 2)[-1] for one in root.iter(f"{_XFORMS}trigger"))


@functools.lru_cache(maxsize=8)
def groups_of(xform: str) -> Mapping[str, Mapping[str, str]]:
    """Return the labels of a form's groups and repeats: path → language → label."""
    root = ElementTree.fromstring(xform)  # noqa: S314  as above
    texts = _texts(root)
    return {
        (group.get("ref") or "").split("/", 2)[-1]: _labelled(group.find(f"{_XFORMS}label"), texts)
        for group in root.iter(f"{_XFORMS}group")
    }


def _texts(root: Any) -> dict[str, dict[str, str]]:
    """Return a form's texts: id → language → text."""
    texts: dict[str, dict[str, str]] = {}
    for translation in root.iter(f"{_XFORMS}translation"):
        for text in translation.iter(f"{_XFORMS}text"):
            value = next((it for it in text.findall(f"{_XFORMS}value") if not it.get("form")), None)
            if value is not None:
                texts.setdefault(text.get("id", ""), {})[translation.get("lang", "")] = "".join(value.itertext()).strip()
    return texts


def _labelled(label: Any, texts: Mapping[str, dict[str, str]]) -> dict[str, str]:
    if label is None:
        return {}
    text_id = (label.get("ref") or "").removeprefix("jr:itext('").removesuffix("')")
    return texts.get(text_id, {}) if text_id else {"": "".join(label.itertext()).strip()}


def _light(versions: QuerySet[FormVersion]) -> QuerySet[FormVersion]:
    """Leave out what is large and not listed."""
    return versions.select_related("form").defer("source", "xform")
