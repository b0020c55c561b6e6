# SPDX-License-Identifier: Apache-2.0
"""A task as a form of its own, for devices that know forms and no tasks (ODK Collect): what is known is filled in already.

Its id is the form's and the task's, `house_safety.task-12`, so that a device keeps it beside the plain form, and a submission
says which task it answers however long it was under way. Pure, but for the models it is given.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from xml.etree import ElementTree  # only what we have written ourselves is read here

from chengyun.collect.forms.models import FormVersion, Task

__all__ = ["id_of", "split", "xform_of"]

SPACES = {
    "": "http://www.w3.org/2002/xforms", "h": "http://www.w3.org/1999/xhtml", "jr": "http://openrosa.org/javarosa",
    "orx": "http://openrosa.org/xforms", "odk": "http://www.opendatakit.org/xforms", "xsd": "http://www.w3.org/2001/XMLSchema",
    "ev": "http://www.w3.org/2001/xml-events",
}  # fmt: skip
XFORMS, XHTML = f"{{{SPACES['']}}}", f"{{{SPACES['h']}}}"
_ID = re.compile(r"(?P<form>.+)\.task-(?P<task>[0-9]{1,17})")


def id_of(task: Task) -> str:
    """Return the id under which a device knows the task's form."""
    return f"{task.form_id}.task-{task.pk}"


def split(form_id: str) -> tuple[str, int | None]:
    """Return the form an id names, and the task; None for a plain form."""
    found = _ID.fullmatch(form_id)
    return (found["form"], int(found["task"])) if found else (form_id, None)


def xform_of(version: FormVersion, task: Task) -> tuple[str, str]:
    """Return the XForm of a task, and its hash as OpenRosa writes one."""
    for prefix, address in SPACES.items():
        ElementTree.register_namespace(prefix, address)
    root = ElementTree.fromstring(version.xform)  # noqa: S314  made by pyxform from a form that was checked
    title = root.find(f"{XHTML}head/{XHTML}title")
    if title is not None:
        title.text = f"{task.title} · {version.title}"
    instance = root.find(f"{XHTML}head/{XFORMS}model/{XFORMS}instance")
    if instance is not None and len(instance):
        data = instance[0]
        data.set("id", id_of(task))
        _fill(data, task.prefill)
    text = '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode")
    # OpenRosa asks for MD5: it tells versions apart and guards nothing.
    return text, f"md5:{hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()}"


def _fill(data: ElementTree.Element, prefill: Mapping[str, object]) -> None:
    """Write values where questions stand; a path that leads nowhere in this version is left out."""
    for path, value in prefill.items():
        at: ElementTree.Element | None = data
        for step in str(path).strip("/").split("/"):
            at = next((it for it in at if it.tag.rsplit("}", 1)[-1] == step), None) if at is not None else None
        if at is not None and not len(at):
            at.text = str(value)
