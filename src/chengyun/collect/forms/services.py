# SPDX-License-Identifier: Apache-2.0
"""What happens to forms: made, published, filled in, reviewed, corrected; the only writers of their tables."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from chengyun.access import audit
from chengyun.access.actors import Actor
from chengyun.access.hints import meant
from chengyun.access.policy import require
from chengyun.areas.queries import area_of
from chengyun.collect import front_door
from chengyun.collect.forms import hooks, photos, taskforms
from chengyun.collect.forms.instances import read_head, read_instance
from chengyun.collect.forms.models import Form, FormVersion, Photo, ReviewEvent, Submission, Task
from chengyun.collect.forms.xlsform import convert
from chengyun.collect.models import DeadLetter
from chengyun.config import config
from chengyun.errors import Malformed, NotFound, Refused

__all__ = [
    "Taken", "cancel_task", "connect", "consent_path", "give_task", "make_version", "photo_folder", "prefilled", "publish",
    "retire", "review", "take",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Taken:
    """A submission that is kept. new: not one that came before."""

    submission: Submission
    new: bool


def photo_folder() -> Path:
    return config().data / "forms"


def make_version(source: bytes, name: str, actor: Actor) -> FormVersion:
    """Keep a form's new version as a draft. Raises Malformed for what cannot be used, Refused for a version that is out."""
    require(actor, "form.design")
    made = convert(source, name)
    with transaction.atomic():
        form, _new = Form.objects.get_or_create(key=made.key, defaults={"title": made.title})
        known = FormVersion.objects.select_for_update().filter(form=form, version=made.version).first()
        if known is not None and known.state != FormVersion.State.DRAFT:
            raise Refused(
                _("%(form)s 的版本 %(version)s 已经发布过；请在 settings 表里换一个 version。")
                % {"form": made.title, "version": made.version},
                code="form_version_out",
            )
        version, _new = FormVersion.objects.update_or_create(
            form=form, version=made.version,
            defaults={
                "title": made.title, "languages": list(made.languages), "source_name": name[:200], "source": source,
                "xform": made.xform, "digest": made.digest, "questions": [it.as_json() for it in made.questions],
                "warnings": list(made.warnings), "made_by": actor.name,
            },
        )  # fmt: skip
        audit.record(actor, "form.design", "forms", f"{made.key} {made.version}", "", {"digest": made.digest})
    return version


def publish(version: FormVersion, actor: Actor) -> None:
    """Let a version be filled in; the one before it is retired, and submissions of it are still taken.

    Raises Refused when something that must be mended first is found.
    """
    require(actor, "form.design")
    now = timezone.now()
    with transaction.atomic():
        Form.objects.select_for_update().get(pk=version.form_id)
        for look in hooks.before_publish:
            look(version, actor)
        FormVersion.objects.filter(form_id=version.form_id, state="published").update(state="retired")
        FormVersion.objects.filter(pk=version.pk).update(state="published", published_at=now)
        Form.objects.filter(pk=version.form_id).update(title=version.title)
        audit.record(actor, "form.publish", "forms", f"{version.form_id} {version.version}")


def retire(form: Form, actor: Actor) -> None:
    """Offer a form no longer."""
    require(actor, "form.design")
    with transaction.atomic():
        FormVersion.objects.filter(form=form, state="published").update(state="retired")
        audit.record(actor, "form.retire", "forms", form.key)


def connect(form: Form, stream: str, columns: Mapping[str, str], actor: Actor) -> None:
    """Say where accepted submissions go: a stream, and the question of each of its columns. Raises Refused naming the fault."""
    require(actor, "form.design")
    known = settings.CITY.streams
    if stream and stream not in known:
        raise Refused(_("没有感知流 %s。") % stream + meant(stream, known), code="form_stream")
    version = form.versions.exclude(state="draft").first() or form.versions.first()
    paths = {it["path"] for it in version.questions} if version else set()
    for column, path in columns.items():
        if stream and column not in known[stream].columns:
            raise Refused(_("%(stream)s 没有字段 %(column)s。") % {"stream": stream, "column": column}, code="form_column")
        if path not in paths:
            raise Refused(_("表单没有问题 %s。") % path + meant(path, paths), code="form_question")
    if stream and known[stream].entity.key not in columns:
        raise Refused(_("缺少字段 %s：不知道观测的是谁。") % known[stream].entity.key, code="form_column")
    with transaction.atomic():
        Form.objects.filter(pk=form.pk).update(stream=stream, columns=dict(columns))
        audit.record(actor, "form.connect", "forms", form.key, "", {"stream": stream, "columns": dict(columns)})


def consent_path(version: FormVersion) -> str:
    """Return the question by which a person agrees to be filled in from what the city knows; "" where the form has none."""
    return next((path for find in hooks.consent_of if (path := find(version))), "")


def prefilled(version: FormVersion, subject: str, purpose: str, consents: bool, actor: Actor) -> dict[str, str]:
    """Return question path → value, from what the city already knows of a subject; the read is recorded.

    consents: the subject agreed; a form that asks for consent is not filled in before. Raises Refused, NotFound.
    """
    require(actor, "form.fill")
    if consent_path(version) and not consents:
        raise Refused(_("须先征得本人同意，才能从登记中预填。"), code="consent_missing")
    found: dict[str, str] = {}
    for fill in hooks.prefillers:
        found.update(fill(version, subject, purpose, actor))
    return found


def take(xml: bytes, files: Mapping[str, BinaryIO], actor: Actor, *, task: int | None = None) -> Taken:
    """Keep a submission and its files; return when all that came is durable.

    Files may come with later requests of the same instance, as OpenRosa allows. The same instance again adds only files
    that are missing; with another content it is refused. Raises Malformed, Refused, NotFound.
    """
    require(actor, "form.fill")
    said, wanted = read_head(xml)
    key, of_task = taskforms.split(said)
    task = task if task is not None else of_task
    version = FormVersion.objects.filter(form_id=key, version=wanted).exclude(state="draft").select_related("form").first()
    if version is None:
        known = list(FormVersion.objects.filter(form_id=key).exclude(state="draft").values_list("version", flat=True))
        raise NotFound(
            f"There is no form {key[:64]!r} in version {wanted[:40]!r}. Published versions: {', '.join(known) or 'none'}."
        )
    read = read_instance(xml, version.questions)
    stored = {name: photos.keep(photo_folder(), file) for name, file in files.items() if name in read.files}
    digest = hashlib.sha256(xml).hexdigest()
    now = timezone.now()
    lon, lat = read.place or (None, None)
    area = (area_of(lon, lat, "street") or area_of(lon, lat) or "") if lon is not None and lat is not None else ""
    given = Task.objects.filter(pk=task, form=version.form).first() if task is not None else None
    with transaction.atomic():
        submission = Submission.objects.select_for_update().filter(instance=read.instance).first()
        new = submission is None
        if submission is None:
            submission = _create(
                read, version, actor, now, digest, xml, area or (given.area_code if given else ""), lon, lat, given
            )  # fmt: skip
        elif submission.account_id != actor.account_id or submission.digest != digest:
            raise Refused("This instanceID was used for another submission. Start a new one.", code="instance_used", status=409)
        for name, one in stored.items():
            Photo.objects.filter(submission=submission, name=name, sha256="").update(
                sha256=one.sha256, size=one.size, kind=one.kind, received_at=now
            )
        complete = not submission.photos.filter(sha256="").exists()
        Submission.objects.filter(pk=submission.pk).update(complete=complete)
        if new and given is not None and given.state == Task.State.OPEN:
            Task.objects.filter(pk=given.pk).update(state="done", done_at=now)
    submission.refresh_from_db()
    return Taken(submission, new)


def _create(
    read: Any, version: FormVersion, actor: Actor, now: dt.datetime, digest: str, xml: bytes, area: str,
    lon: float | None, lat: float | None, task: Task | None,
) -> Submission:  # fmt: skip
    before = None
    if read.replaces:
        before = Submission.objects.select_for_update().filter(instance=read.replaces, version__form=version.form).first()
        if before is None:
            raise NotFound(f"There is no submission {read.replaces[:80]!r} to correct.")
        if before.account_id != actor.account_id:
            raise Refused(_("只有填报人可以更正自己的填报。"), code="not_yours")
        if before.state not in ("received", "returned"):
            raise Refused(_("这份填报已经%s，不能再更正。") % before.get_state_display(), code="submission_done", status=409)
    try:
        with transaction.atomic():
            submission = Submission.objects.create(
                instance=read.instance, replaces=before, version=version, task=task or (before.task if before else None),
                xml=xml.decode("utf-8", "replace").replace("\x00", "\ufffd"), digest=digest, values=read.values,
                faults=read.faults, account_id=actor.account_id, organisation=actor.organisation or "", device=read.device[:120],
                area_code=area, lon=lon, lat=lat, filled_at=read.filled_at, received_at=now, complete=not read.files,
            )  # fmt: skip
    except IntegrityError as twin:
        raise Refused("The same submission is being written. Send this again.", code="instance_busy", status=409) from twin
    Photo.objects.bulk_create([Photo(submission=submission, name=name) for name in read.files])
    _event(submission, "received", actor, now, "")
    if before is not None:
        Submission.objects.filter(pk=before.pk).update(state="replaced")
        _event(before, "replaced", actor, now, read.instance)
    audit.record(actor, "form.fill", "submissions", read.instance, "", {"form": version.form_id})
    return submission


def review(submission: Submission, accept: bool, note: str, actor: Actor) -> None:
    """Accept a submission, and send it on where the form says; or return it with a reason. Raises Refused or Unavailable."""
    require(actor, "form.review", submission.area_code or None)
    if not accept and not note.strip():
        raise Refused(_("退回须说明理由。"), code="reason_missing")
    if submission.account_id is not None and submission.account_id == actor.account_id:
        raise Refused(_("不能审核自己的填报。"), code="own_submission")
    now = timezone.now()
    with transaction.atomic():
        row = Submission.objects.select_for_update().select_related("version__form").get(pk=submission.pk)
        if row.state != Submission.State.RECEIVED:
            raise Refused(_("这份填报已经%s。") % row.get_state_display(), code="submission_done", status=409)
        if accept and not row.complete:
            raise Refused(_("附件还没有收齐，不能通过。"), code="files_missing")
        if accept and row.version.form.stream:
            # Its key makes it count once, should we be cut off between the two.
            rows = observations(row.values, row.version.form.columns, row.filled_at or row.received_at, row.version.form.stream)
            told = front_door.post(config(), row.version.form.stream, rows, purpose="ingest:*", key=row.instance[-60:])
            if waiting := [one for one in told["dead"] if _waits(row.version.form.stream, rows[one["index"]])]:
                raise Malformed(_("不能入库：%s") % waiting[0]["reason"], code="submission_dead")
        Submission.objects.filter(pk=row.pk).update(state="accepted" if accept else "returned")
        _event(row, "accepted" if accept else "returned", actor, now, note.strip())
        audit.record(actor, "form.review", "submissions", row.instance, "quality", {"accepted": accept})


def _waits(stream: str, row: Mapping[str, Any]) -> bool:
    """Say whether a row that its stream did not take waits for a steward still. Its key gives the same answer for good: once
    somebody has mended the row or put it away, that answer is no longer the last word."""
    letters = DeadLetter.objects.filter(stream=stream, row=dict(row))
    return letters.filter(state=DeadLetter.State.WAITING).exists() or not letters.exists()


def observations(values: Mapping[str, str], columns: Mapping[str, str], at: dt.datetime, stream: str) -> list[dict[str, Any]]:
    """Return the rows a submission makes: one, or one for each repeat that answers a column."""
    declared = settings.CITY.streams[stream]
    numeric = {quantity.key for quantity in declared.quantities}
    plain = {path: value for path, value in values.items() if "[" not in path}
    groups: dict[str, dict[str, str]] = {}
    for path, value in values.items():
        if "[" in path:
            head, _bracket, rest = path.partition("]")
            groups.setdefault(f"{head}]", {})[f"{head.partition('[')[0]}{rest}"] = value
    wanted = set(columns.values())
    found = [{**plain, **group} for group in groups.values() if wanted & group.keys()] or [plain]
    rows = []
    for one in found:
        row: dict[str, Any] = {declared.time: at.isoformat()}
        for column, path in columns.items():
            if path in one:
                row[column] = float(one[path]) if column in numeric else one[path]
        rows.append(row)
    return rows


def give_task(
    form: Form, title: str, area_code: str, actor: Actor, *, person: int | None = None, due_at: dt.datetime | None = None,
    prefill: Mapping[str, str] | None = None,
) -> Task:  # fmt: skip
    """Ask for a form to be filled in. Raises Refused outside the actor's area."""
    require(actor, "form.assign", area_code)
    with transaction.atomic():
        task = Task.objects.create(
            form=form, title=title.strip()[:200] or form.title, area_code=area_code, person_id=person, due_at=due_at,
            prefill=dict(prefill or {}), made_by=actor.name,
        )  # fmt: skip
        audit.record(actor, "form.assign", "form_tasks", str(task.pk), "", {"form": form.key, "area": area_code})
    return task


def cancel_task(task: Task, actor: Actor) -> None:
    require(actor, "form.assign", task.area_code)
    with transaction.atomic():
        Task.objects.filter(pk=task.pk, state="open").update(state="cancelled", done_at=timezone.now())
        audit.record(actor, "form.assign", "form_tasks", str(task.pk), "", {"cancelled": True})


def _event(submission: Submission, kind: str, actor: Actor, at: dt.datetime, note: str) -> None:
    ReviewEvent.objects.create(submission=submission, kind=kind, at=at, actor=actor.name, note=note)
