# SPDX-License-Identifier: Apache-2.0
"""A run worked out once more: the same inputs, seed and version must give the same result."""

from __future__ import annotations

from chengyun.errors import NotFound
from chengyun.govern.whatif.inputs import basis_of
from chengyun.govern.whatif.models import Run
from chengyun.govern.whatif.services import compute, model_of

__all__ = ["same_again"]


def same_again(pk: int) -> tuple[bool, str]:
    """Return whether a finished run gives the same again, and what differs. Raises NotFound for a run that has no result."""
    run = Run.objects.filter(pk=pk, state=Run.State.DONE).first()
    if run is None:
        raise NotFound(f"There is no finished run {pk}.")
    model = model_of(run.model)
    if model.version != run.version:
        return False, f"it was worked out by version {run.version} of the model; today's is {model.version}"
    if basis_of(model, run.inputs) != run.basis:
        return False, "the road network was loaded anew since"
    found = compute(model, run.inputs, run.seed)
    apart = [key for key in run.result if found.get(key) != run.result[key]]
    return not apart, ", ".join(apart)
