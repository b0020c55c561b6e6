# SPDX-License-Identifier: Apache-2.0
"""A form that is published or retired is in the catalogue with the same commit; declarations wait for `chengyun migrate`."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models.signals import post_save

from chengyun.collect.forms.models import FormVersion


def connect() -> None:
    post_save.connect(_follow, sender=FormVersion, dispatch_uid="catalogue.forms")


def _follow(sender: object, instance: FormVersion, **_more: Any) -> None:  # noqa: ARG001  the signal's own names
    if instance.state != FormVersion.State.DRAFT:
        transaction.on_commit(_sync, robust=True)


def _sync() -> None:
    from chengyun.share.catalogue.sync import ensure_catalogue  # reads the policy and the packs: not at start

    ensure_catalogue()
