# SPDX-License-Identifier: Apache-2.0
"""Where apps above this one take part in forms, without being imported: each registers in its ready().

before_publish   looks at a version before it is let be filled in; raises Refused with what must be mended first
prefillers       (version, subject, purpose, actor) → question path → value, from what is known of the subject already; what they
                 read goes through the actor's scope and into the audit
consent_of       (version) → path of the question by which a person agrees to that, "" where the form has none
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from chengyun.access.actors import Actor
from chengyun.collect.forms.models import FormVersion

__all__ = ["before_publish", "consent_of", "prefillers"]

before_publish: list[Callable[[FormVersion, Actor], None]] = []
prefillers: list[Callable[[FormVersion, str, str, Actor], Mapping[str, str]]] = []
consent_of: list[Callable[[FormVersion], str]] = []
