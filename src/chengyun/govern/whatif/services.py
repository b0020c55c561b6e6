# SPDX-License-Identifier: Apache-2.0
"""Asking for a run, and working it out. A run that fails keeps the reason; one cut off is worked out again, a few times."""

from __future__ import annotations

import datetime as dt
import importlib
import json
import logging
import secrets
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from chengyun.access import audit
from chengyun.access.actors import Actor
from chengyun.access.policy import require
from chengyun.errors import NotFound, Problem, Refused
from chengyun.govern.whatif.catalogue import MODELS
from chengyun.govern.whatif.declared import Model
from chengyun.govern.whatif.inputs import basis_of, read_inputs
from chengyun.govern.whatif.models import Run

__all__ = ["MOST_TRIES", "ask", "begin", "compute", "fail", "model_of", "work_out"]

MOST_WAITING = 20
MOST_TRIES = 3
"""So often is a run begun that ends, each time, with the process that was to wait for it."""
CUT_OFF = gettext_noop("算了三次，每次都在中途被打断（多半是内存不够），不再重试。请减小规模后再推演。")
"""Kept as it is written; a page says it in its own language."""

log = logging.getLogger(__name__)


def model_of(key: str) -> Model:
    """Return a model. Raises NotFound."""
    if key not in MODELS:
        raise NotFound(_("没有这个推演模型。"))
    return MODELS[key]


def ask(key: str, title: str, given: Mapping[str, str], actor: Actor, seed: int | None = None) -> Run:
    """Ask for a run. seed: None draws one, which is kept. Raises Refused for inputs that are wrong, or when too many wait."""
    require(actor, "whatif.run")
    model = model_of(key)
    inputs = read_inputs(model, given)
    basis = basis_of(model, inputs)
    with transaction.atomic():
        if Run.objects.filter(state=Run.State.ASKED).count() >= MOST_WAITING:
            raise Refused(_("已有 %d 个推演在排队，请稍后再试。") % MOST_WAITING, code="busy")
        made = Run.objects.create(
            model=model.key, version=model.version, title=(title.strip() or str(model.name))[:120], inputs=inputs, basis=basis,
            seed=secrets.randbits(31) if seed is None else seed, asked_by_id=actor.account_id,
        )  # fmt: skip
        audit.record(actor, "whatif.run", "whatif", str(made.pk), detail={"model": key, "version": model.version})
    return made


def begin(pk: int, now: dt.datetime) -> bool:
    """Count a try of a run before it is made; return whether there was one left. Else the run has failed, and says so.

    The count is committed first: what kills the process that waits takes the word of it along.
    """
    waits = Run.objects.filter(pk=pk, state__in=(Run.State.ASKED, Run.State.RUNNING))
    if waits.filter(tries__lt=MOST_TRIES).update(tries=F("tries") + 1, state=Run.State.RUNNING, started_at=now):
        return True
    fail(pk, CUT_OFF, now)
    return False


def work_out(pk: int, now: dt.datetime) -> Run:
    """Work out a run in this process and keep the result or the reason. Done already, it stays as it is. Raises NotFound."""
    run = Run.objects.filter(pk=pk).first()
    if run is None:
        raise NotFound(f"There is no run {pk}.")
    if run.state in (Run.State.DONE, Run.State.FAILED):
        return run
    Run.objects.filter(pk=pk).update(state=Run.State.RUNNING, started_at=now)
    try:
        model = model_of(run.model)
        if model.version != run.version:
            raise Refused(f"it was asked of version {run.version}; today's is {model.version}. Ask for it again.", code="version")
        if basis_of(model, run.inputs) != run.basis:
            raise Refused("the road network was loaded anew since it was asked for. Ask for it again.", code="basis")
        run.result, run.state = compute(model, run.inputs, run.seed), Run.State.DONE
    except Problem as wrong:
        run.state, run.reason = Run.State.FAILED, wrong.sentence
    except Exception as wrong:
        log.exception("run %d of %s broke", pk, run.model)
        run.state, run.reason = Run.State.FAILED, f"{type(wrong).__name__}: {wrong}"[:500]
    run.started_at, run.ended_at = now, dt.datetime.now(dt.UTC)
    run.save(update_fields=["state", "reason", "result", "started_at", "ended_at"])
    return run


def fail(pk: int, why: str, now: dt.datetime) -> bool:
    """Say why a run has no result, if nothing was said yet. Return whether."""
    left = Run.objects.filter(pk=pk, state__in=(Run.State.ASKED, Run.State.RUNNING))
    return bool(left.update(state=Run.State.FAILED, reason=why[:500], ended_at=now))


def compute(model: Model, inputs: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """Return what a model gives, as it is kept. Raises Refused when the extra it needs is not installed."""
    module, name = model.work.split(":")
    try:
        work = getattr(importlib.import_module(module), name)
        found = work(inputs, seed)
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith("chengyun"):
            raise
        sentence = f"This model needs the extra `decide`: pip install 'chengyun[decide]' ({missing.name} is missing)."
        raise Refused(sentence, code="missing_extra") from missing
    plain: dict[str, Any] = json.loads(json.dumps(found, allow_nan=False))
    return plain
