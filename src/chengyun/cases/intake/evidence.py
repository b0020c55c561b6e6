# SPDX-License-Identifier: Apache-2.0
"""What a step of a case may rest on, as far as photos go."""

from __future__ import annotations

import datetime as dt

from django.utils.translation import gettext as _

from chengyun.access.actors import Actor
from chengyun.cases.hooks import Given
from chengyun.cases.intake.models import Photo
from chengyun.cases.models import Case
from chengyun.city import Transition

__all__ = ["photos_are_there"]


def photos_are_there(case: Case, step: Transition, given: Given, actor: Actor, now: dt.datetime) -> str | None:  # noqa: ARG001
    """Return what is wrong with the photos a step names: each must be kept, and a photo of this case."""
    named = {str(one) for one in given.photos}
    if not named:
        return _("请附上照片。")
    if Photo.objects.filter(pk__in=named, case=case).count() != len(named):
        return _("所附照片不属于这个案件，请重新上传。")
    return None
