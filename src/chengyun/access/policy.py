# SPDX-License-Identifier: Apache-2.0
"""The one decision every way in goes through: what an actor may do, and which rows and fields an actor may read.

    scope(actor, dataset, purpose) → Scope    rows, masks, hidden fields, and the sentence that says why
    may(actor, action, area_code) → bool      deeds

Deny by default: a dataset, action, role or purpose that policy.toml does not speak of is refused.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from django.db.models import Model, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from chengyun.access import grants, predicates
from chengyun.access import masks as masking
from chengyun.access.actors import Actor, Post
from chengyun.access.models import Grant
from chengyun.access.parts import Part
from chengyun.access.predicates import Everything, FieldIn, Nothing, Predicate, Sql, any_of, area_in
from chengyun.access.rulebook import Facts, Reading, rulebook
from chengyun.access.tickets import View
from chengyun.errors import NotFound, Refused, nearest

if TYPE_CHECKING:
    from django.db.models import Q
    from sqlglot import exp


M = TypeVar("M", bound=Model)

__all__ = ["Layer", "Scope", "may", "require", "require_by_key", "require_scope", "scope"]


@dataclass(frozen=True, slots=True)
class Layer:
    """One reason to read: its rows, and what stays masked or hidden in them.

    only: the fields there are; None: all but the hidden ones. grant: the number of the grant that is the reason.
    capped: whether that grant may be read so many times a day and no more.
    """

    rows: Predicate
    because: str
    masks: Mapping[str, str] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()
    only: frozenset[str] | None = None
    grant: str = ""
    capped: bool = False

    def shows(self, name: str) -> bool:
        return name not in self.hidden and (self.only is None or name in self.only)


@dataclass(frozen=True, slots=True)
class Scope:
    """What an actor may read of a dataset.

    masks, hidden: fields masked or left out in at least one row the actor sees; `mask(row)` knows which row.
    because: the reasons, or the reason why not. time: the field that says when a row speaks of, or "".
    stopped: code of why a grant that names the actor cannot be used, where nothing else allows; its holder may know.
    used_up: why the rows of grants that name the actor are not among these today, though they stand; "" where there is none.
    """

    actor: Actor
    dataset: str
    purpose: str | None
    personal: bool
    layers: tuple[Layer, ...]
    because: str
    time: str = ""
    stopped: str = ""
    used_up: str = ""

    @property
    def allowed(self) -> bool:
        return not isinstance(self.rows, Nothing)

    @property
    def rows(self) -> Predicate:
        return any_of(*(layer.rows for layer in self.layers))

    @property
    def masks(self) -> Mapping[str, str]:
        return {name: kind for layer in self._limiting for name, kind in layer.masks.items()}

    @property
    def hidden(self) -> frozenset[str]:
        every = grants.fields_of(self.dataset)
        out = [layer.hidden | (every - layer.only if layer.only is not None else frozenset()) for layer in self._limiting]
        return frozenset().union(*out)

    @property
    def blind(self) -> bool:
        """Whether a reason shows keys as pseudonyms: then no row may be asked for, ordered or told apart by the key it has."""
        return any("key" in layer.masks for layer in self.layers)

    def by_key(self) -> Scope:
        """Return what may be read by a reader who names rows by their keys, or is shown them: nothing that is under pseudonyms.

        Whoever could ask for a key and see a pseudonym would have the list that leads from one to the other.
        """
        if not self.blind:
            return self
        layers = tuple(layer for layer in self.layers if "key" not in layer.masks)
        said = _("这项授权以假名给出，请经数据交换读取，不能按标识逐条查看。")
        because = "；".join(dict.fromkeys(layer.because for layer in layers)) or said
        return replace(self, layers=layers, because=because, stopped=self.stopped or ("" if layers else "pseudonyms"))

    @property
    def grants(self) -> tuple[str, ...]:
        """The numbers of the grants that are among the reasons."""
        return tuple(layer.grant for layer in self.layers if layer.grant)

    @property
    def capped(self) -> bool:
        """Whether a grant among the reasons may be read so many times a day and no more."""
        return any(layer.capped for layer in self.layers)

    def may_filter(self, name: str) -> bool:
        """Say whether rows may be searched, sorted, filtered or summed by a field: a masked value could be guessed that way."""
        return all(layer.shows(name) and name not in layer.masks for layer in self._limiting)

    def q(self, area_field: str = "area_code", time_field: str | None = None) -> Q:
        """Return the rows as a condition of a Django query."""
        return predicates.as_q(self.rows, area_field, time_field or self._time_beside(area_field, "__"))

    def sql(self, area_column: str = "area_code", dialect: str = "duckdb", time_column: str | None = None) -> Sql:
        """Return the rows as SQL text and its named parameters (`$scope_0`; `%(scope_0)s` for postgres).

        time_column: where the reader has the row's time; without it, what is granted for a period is not among the rows.
        """
        return predicates.as_sql(self.rows, area_column, dialect, time_column)

    def expression(
        self, area_column: str = "area_code", time_column: str | None = None
    ) -> tuple[exp.Expression, dict[str, predicates.Value]]:
        """Return the rows as a sqlglot expression and its named parameters."""
        return predicates.as_expression(self.rows, area_column, time_column)

    def matches(self, row: Mapping[str, Any], area_field: str = "area_code", time_field: str | None = None) -> bool:
        """Say whether a row may be read."""
        return predicates.matches(self.rows, row, area_field, time_field or self.time or None)

    def mask(self, row: Mapping[str, Any], area_field: str = "area_code", time_field: str | None = None) -> dict[str, Any]:
        """Return a row as the actor may see it: a field is shown as it is when one reason for this very row shows it."""
        at = time_field or self.time or None
        layers = [layer for layer in self.layers if predicates.matches(layer.rows, row, area_field, at)]
        shown: dict[str, Any] = {}
        for name, value in row.items():
            open_layers = [layer for layer in layers if layer.shows(name)]
            if not open_layers:
                continue
            kinds = [layer.masks.get(name) for layer in open_layers]
            kind = kinds[0] if all(kinds) else None
            shown[name] = masking.mask(kind, value, self.purpose or "") if kind else value
        return shown

    def count(self, rows: int = 0, reads: int = 1) -> None:
        """Count a read under the grants that allow it. Raises Refused at a grant's ceiling."""
        grants.counted(self.grants, rows, reads)

    def rows_for(
        self, query: QuerySet[M], area_field: str = "area_code", target: str = "", *, record: bool = True
    ) -> QuerySet[M]:
        """Return the query's rows that may be read; a read is counted, and one of a dataset about persons recorded, first.

        record: False for a reader that knows afterwards which rows it showed, and then calls record_rows.
        """
        self.count()
        if self.personal and record:
            self.record_read(target)
        return query.filter(self.q(area_field))

    def record_rows(self, keys: Iterable[str], names: Iterable[str], target: str = "", **detail: object) -> None:
        """Record whose rows were shown, with the fields they were shown in full, if the dataset is about persons."""
        if self.personal:
            self.record_read(target, keys=keys, fields=self.in_full(names), **detail)

    def in_full(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return the fields that at least one reason shows unmasked."""
        return tuple(name for name in names if any(one.shows(name) and name not in one.masks for one in self.layers))

    def masked(self, names: Iterable[str]) -> frozenset[str]:
        """Return the fields that no reason shows unmasked."""
        every = tuple(names)
        return frozenset(every) - frozenset(self.in_full(every))

    def record_read(self, target: str = "", *, keys: Iterable[str] = (), fields: Iterable[str] = (), **detail: object) -> None:
        """Record that the dataset was read, for readers that do not go through rows_for.

        keys, fields: of the rows that were shown; each person behind one can then be told.
        """
        from chengyun.access import audit  # audit.py reads the actors this module hands it

        detail, told = self._of_a_read(keys, detail)
        audit.record(self.actor, "read", self.dataset, target, self.purpose or "", detail, subjects=told, fields=tuple(fields))

    def part_of_rows(self, keys: Iterable[str], names: Iterable[str], **detail: object) -> Part | None:
        """Return what record_rows writes, to be written with something else; None where it has to be written by itself."""
        from chengyun.access import audit  # as above

        if not self.personal:
            return None
        detail, told = self._of_a_read(keys, detail)
        return audit.part(self.actor, "read", self.dataset, self.purpose or "", detail, told, self.in_full(names))

    def _of_a_read(self, keys: Iterable[str], detail: dict[str, object]) -> tuple[dict[str, object], list[tuple[str, str]]]:
        return {**detail, **({"grants": list(self.grants)} if self.grants else {})}, [(self.dataset, key) for key in keys]

    def view(self) -> View:
        """Return what a ticket can carry: areas and hidden fields. Rows allowed for another reason than their area stay out.

        So do those granted: a ticket outlives the moment in which a grant is revoked.
        """
        rows = any_of(*(layer.rows for layer in self.layers if not layer.grant))
        parts = rows.parts if isinstance(rows, predicates.Or) else (rows,)
        areas = [area for part in parts if isinstance(part, predicates.AreaIn) for area in part.prefixes]
        whole = any(isinstance(part, Everything) for part in parts)
        return View(("",) if whole else tuple(areas), tuple(sorted(self.hidden | set(self.masks))))

    @property
    def _limiting(self) -> tuple[Layer, ...]:
        """The layers whose limits somebody meets: one that shows every row in full makes the others idle."""
        free = any(
            isinstance(one.rows, Everything) and not one.masks and not one.hidden and one.only is None for one in self.layers
        )
        return () if free else self.layers

    def _time_beside(self, area_field: str, joint: str) -> str | None:
        relation = area_field.rpartition(joint)[0]
        return (f"{relation}{joint}{self.time}" if relation else self.time) if self.time else None


def scope(
    actor: Actor, dataset: str, purpose: str | None = None, now: dt.datetime | None = None, *, counted: bool = False
) -> Scope:  # fmt: skip
    """Return what an actor may read of a dataset (`pack.key`, or a kernel dataset), for a purpose where it is about persons.

    counted: for what is left of a read that was counted under its grants: their ceilings do not stop it any more.
    """
    book = rulebook()
    facts = book.datasets.get(dataset)

    def refuse(why: str, personal: bool = False) -> Scope:
        return Scope(actor, dataset, purpose, personal, (), why)

    if facts is None:
        return refuse(_("没有信息资源 %s。") % dataset)
    if "system" in actor.roles:
        return Scope(actor, dataset, purpose, False, (Layer(Everything(), _("程序自身")),), _("程序自身"), facts.time)
    if purpose is not None and purpose not in book.purposes:
        return refuse(_("用途 %s 未登记。") % purpose, facts.personal)
    if facts.personal and purpose is None:
        return refuse(_("%s 含个人信息，读取须说明用途。") % facts.name, True)
    if unmet := book.surroundings.refusal(facts, actor.zone, now or timezone.now()):
        return refuse(_("此时此地不能读取 %(name)s：%(why)s。") % {"name": facts.name, "why": unmet}, facts.personal)
    layers = [layer for reading, roles in book.readings if (layer := _layer(reading, roles, facts, actor, purpose))]
    why_not: list[tuple[str, str]] = []
    if not any(isinstance(layer.rows, Everything) and not layer.masks and not layer.hidden for layer in layers):
        layers += _granted(actor, facts, purpose, now, why_not, counted=counted)
    if not layers and why_not:
        said = " ".join(sentence for _code, sentence in why_not)
        return Scope(actor, dataset, purpose, facts.personal, (), said, facts.time, why_not[0][0])
    if not layers:
        return refuse(_("%s 未向此岗位开放，也没有授权。") % facts.name, facts.personal)
    because = "；".join(dict.fromkeys(layer.because for layer in layers))
    used_up = " ".join(sentence for code, sentence in why_not if code == "frequency")
    return Scope(actor, dataset, purpose, facts.personal, tuple(layers), because, facts.time, used_up=used_up)


def require_scope(actor: Actor, dataset: str, purpose: str | None = None) -> Scope:
    """Return the scope. Raises NotFound when nothing may be read: absent and forbidden look the same.

    Raises Refused for the holder of a grant that is used up for today or stands still: they know that it is there.
    """
    found = scope(actor, dataset, purpose)
    if found.stopped:
        raise Refused(found.because, code=found.stopped)
    if not found.allowed:
        raise NotFound(_("没有找到。"), dataset=dataset)
    return found


def require_by_key(actor: Actor, dataset: str, purpose: str | None = None) -> Scope:
    """Return the scope of a reader who names rows by their keys; see Scope.by_key. Raises as require_scope does."""
    found = require_scope(actor, dataset, purpose).by_key()
    if found.stopped:
        raise Refused(found.because, code=found.stopped)
    return found


def may(actor: Actor, action: str, area_code: str | None = None) -> bool:
    """Say whether an actor may do something, anywhere or in an area. Raises LookupError for an unknown action: our own slip."""
    if action not in rulebook().actions:
        raise LookupError(f"action {action!r} is not in policy.toml.{nearest(action, rulebook().actions)}")
    if "system" in actor.roles:
        return True
    roles = rulebook().actions[action][1]
    if area_code is None:
        return bool(actor.roles & roles)
    return any(post.role in roles and area_code.startswith(post.area) for post in actor.posts)


def require(actor: Actor, action: str, area_code: str | None = None) -> None:
    """Raise Refused, naming the action, when the actor may not."""
    if not may(actor, action, area_code):
        raise Refused(_("您的岗位不能%s。") % _(rulebook().actions[action][0]), code="not_allowed", action=action)


def _layer(reading: Reading, roles: frozenset[str], facts: Facts, actor: Actor, purpose: str | None) -> Layer | None:
    if not reading.fits(facts) or (reading.purposes is not None and purpose not in reading.purposes):
        return None
    posts = [post for post in actor.posts if post.role in roles and (not reading.owner or facts.owner in post.bodies)]
    if "anyone" not in roles and not posts and (reading.owner or not actor.roles & roles):
        return None
    rows = _rows(reading, posts)
    if isinstance(rows, Nothing):
        return None
    return Layer(rows, _(reading.name), {} if reading.unmasked else facts.masks, frozenset(reading.hidden))


def _rows(reading: Reading, posts: Iterable[Post]) -> Predicate:
    match reading.rows:
        case "all":
            return Everything()
        case "own_area":
            return area_in(*(post.area for post in posts))
        case "open_subjects":
            return FieldIn("dataset", tuple(key for key, facts in rulebook().datasets.items() if facts.open))


def _granted(
    actor: Actor, facts: Facts, purpose: str | None, now: dt.datetime | None, why_not: list[tuple[str, str]], *, counted: bool
) -> list[Layer]:
    """Return a layer for each grant that names the actor; into why_not, code and reason why one that does cannot be used."""
    if not actor.posts:
        return []
    layers = []
    for grant in grants.granted(facts.key, now):
        if grant.purpose != (purpose or "") and (grant.purpose or facts.personal):
            continue
        posts = [post for post in actor.posts if _names(grant, post)]
        # A grant lifts the question whose data it is, never the limits of the post: the area is what both reach.
        rows = grants.rows_of(grant, facts, [post.area for post in posts])
        # Rows that cannot be told apart as granted are none; whoever holds the grant is told why, not left with nothing.
        why = grants.standing(grant, facts, counted=counted) if posts else None
        if why is not None and (not isinstance(rows, Nothing) or grants.unfit(grant, facts)):
            why_not.append(why)
        if why is not None or isinstance(rows, Nothing):
            continue
        masks, only = grants.masks_of(grant, facts)
        day = timezone.localdate(grant.since)
        because = _("依授权 %(number)s（%(day)s）") % {"number": grant.number or grant.pk, "day": day}
        layers.append(Layer(rows, because, masks, only=only, grant=grant.number, capped=grant.frequency is not None))
    return layers


def _names(grant: Grant, post: Post) -> bool:
    by_role = not grant.role or grant.role == post.role
    key = grant.organisation.key if grant.organisation else None
    return by_role and (key is None or key == post.organisation or key in post.bodies)
