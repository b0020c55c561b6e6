# SPDX-License-Identifier: Apache-2.0
"""What was evaluated, once and for all: editions of a period, what was counted in them, and where every unit stood.

    Edition ─┬─< Fact        a case, a unit it was counted for, and the counts it is part of
             └─< Standing    a unit under a profile: its figures, its rank, its signs

An edition is a draft until it is published; then the database lets nobody change or add a row of it. A correction is a new
edition that names the one it follows; the old one stays readable. Only services.py writes here.
"""

from __future__ import annotations

import pgtrigger
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from chengyun.cases.models import Case

FROZEN = pgtrigger.Trigger(
    name="frozen",
    when=pgtrigger.Before,
    operation=pgtrigger.Update | pgtrigger.Delete,
    func="""
        IF EXISTS (SELECT 1 FROM evaluation_edition e WHERE e.id = OLD.edition_id AND e.published_at IS NOT NULL) THEN
          RAISE EXCEPTION '%: edition % is published and frozen; publish a correction.', TG_TABLE_NAME, OLD.edition_id;
        END IF;
        RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
    """,
)
CLOSED = pgtrigger.Trigger(
    name="closed",
    when=pgtrigger.After,
    operation=pgtrigger.Insert,
    level=pgtrigger.Statement,
    referencing=pgtrigger.Referencing(new="added"),  # type: ignore[no-untyped-call]
    func="""
        IF EXISTS (SELECT 1 FROM (SELECT DISTINCT edition_id FROM added) a LEFT JOIN evaluation_edition e ON e.id = a.edition_id
                   WHERE e.id IS NULL OR e.published_at IS NOT NULL) THEN
          RAISE EXCEPTION '%: the edition is published and frozen, or gone; publish a correction.', TG_TABLE_NAME;
        END IF;
        RETURN NULL;
    """,
)
"""One look for each statement, not one for each of half a million rows."""


def _frozen(name: str, operation: pgtrigger.Operation, **tables: str) -> pgtrigger.Trigger:
    """Return what FROZEN says for a table of half a million rows an edition: one look for each statement, as CLOSED."""
    touched = " UNION ".join(f"SELECT edition_id FROM {table}" for table in tables.values())  # noqa: S608  our own words
    return pgtrigger.Trigger(
        name=name,
        when=pgtrigger.After,
        operation=operation,
        level=pgtrigger.Statement,
        referencing=pgtrigger.Referencing(**tables),  # type: ignore[no-untyped-call]
        func=f"""
            IF EXISTS (SELECT 1 FROM ({touched}) a JOIN evaluation_edition e ON e.id = a.edition_id
                       WHERE e.published_at IS NOT NULL) THEN
              RAISE EXCEPTION '%: the edition is published and frozen; publish a correction.', TG_TABLE_NAME;
            END IF;
            RETURN NULL;
        """,  # noqa: S608
    )


class Edition(models.Model):
    """A period of a case type as it was counted at a moment.

    first, last: its days, both in it. number: 1, or one more than the edition it follows. declared: what was in force, as it was
    written. digest: SHA-256 over everything counted and found; "" for a draft. note: why it follows the one before.
    """

    type = models.CharField(_("案件类型"), max_length=130)
    first = models.DateField(_("起"))
    last = models.DateField(_("止"))
    number = models.PositiveSmallIntegerField(_("版次"))
    follows = models.ForeignKey("self", models.PROTECT, null=True, related_name="followed_by")
    counted_at = models.DateTimeField(_("统计时间"))
    counted_by = models.CharField(max_length=150)
    published_at = models.DateTimeField(_("发布时间"), null=True)
    published_by = models.CharField(_("发布人"), max_length=150, blank=True, default="")
    note = models.CharField(_("更正说明"), max_length=500, blank=True, default="")
    declared = models.JSONField(default=dict)
    cases = models.IntegerField(_("案件数"), default=0)
    digest = models.CharField("SHA-256", max_length=64, blank=True, default="")

    class Meta:
        ordering = ["-first", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["type", "first", "last", "number"], name="evaluation_edition_once"),
            models.CheckConstraint(
                condition=Q(published_at=None) | ~Q(digest=""), name="evaluation_edition_published_has_digest"
            ),
        ]
        triggers = [
            pgtrigger.Protect(
                name="frozen",
                operation=pgtrigger.Update | pgtrigger.Delete,
                condition=pgtrigger.Q(old__published_at__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.first} – {self.last} ({self.number})"


class Fact(models.Model):
    """A case as it was counted for one unit.

    unit: an area's code, a body's key or an account's number, by dimension. stratum: category|condition|area, for the mix.
    counted, fair: bits of counted.BIT, as recorded and as believed. shown: signs seen on it, two bits each. doubt: see tally.py.
    """

    id = models.BigAutoField(primary_key=True)
    # Facts are written by one statement, out of the cases themselves and for an edition CLOSED has looked for; a key checked row
    # by row at commit would take as long as the count.
    edition = models.ForeignKey(Edition, models.CASCADE, related_name="facts", db_index=False, db_constraint=False)
    case = models.ForeignKey(Case, models.PROTECT, related_name="+", db_index=False, db_constraint=False)
    dimension = models.CharField(max_length=12)
    unit = models.CharField(max_length=64)
    stratum = models.CharField(max_length=120)
    counted = models.BigIntegerField()
    fair = models.BigIntegerField()
    shown = models.IntegerField()
    doubt = models.FloatField(default=0.0)

    class Meta:
        indexes = [models.Index(fields=["edition", "dimension", "unit"], name="evaluation_fact_unit")]
        triggers = [
            CLOSED,
            _frozen("kept", pgtrigger.Delete, old="gone"),
            _frozen("unchanged", pgtrigger.Update, old="gone", new="made"),
        ]


class Standing(models.Model):
    """A unit under a profile. level: of areas, district or street; "" for others.

    value, low, high: the plain score, 0–100, None when it cannot be known. fair: the believed one. order, place: None:
    not ranked.
    result: everything else that was found, as assess.UnitResult.
    """

    edition = models.ForeignKey(Edition, models.CASCADE, related_name="standings", db_index=False)
    profile = models.CharField(max_length=63)
    level = models.CharField(max_length=10, blank=True, default="")
    unit = models.CharField(max_length=64)
    name = models.CharField(max_length=200)
    area_code = models.CharField(max_length=12, blank=True, default="")
    value = models.FloatField(null=True)
    low = models.FloatField(null=True)
    high = models.FloatField(null=True)
    grade = models.CharField(max_length=4, blank=True, default="")
    plain_order = models.IntegerField(null=True)
    fair = models.FloatField(null=True)
    order = models.IntegerField(null=True)
    place = models.IntegerField(null=True)
    signs = models.IntegerField(default=0)
    result = models.JSONField(encoder=DjangoJSONEncoder)

    class Meta:
        ordering = ["edition", "profile", "level", "order", "unit"]
        constraints = [
            models.UniqueConstraint(fields=["edition", "profile", "level", "unit"], name="evaluation_standing_once"),
        ]
        triggers = [FROZEN, CLOSED]
