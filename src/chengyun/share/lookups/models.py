# SPDX-License-Identifier: Apache-2.0
"""Whose rows an account may ask about, what it asked, and how far the log has been told.

Account ─┬─< Identity     "this account is that row of a register", for a time
         └─< Question ── Case     what the resident asked about one look, or about all
Told                      the last link of the audit chain that stands in the log `audit`
Reversal                  a pseudonym that is to be turned back: asked by one, agreed to by another
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from chengyun.city.models import tracked


@tracked
class Identity(models.Model):
    """An account's row in a register of persons. basis: how it was established that it is theirs."""

    account = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="identities", verbose_name=_("账号"))
    dataset = models.CharField(_("信息资源"), max_length=128)
    key = models.CharField(_("编码"), max_length=64)
    basis = models.CharField(_("核验方式"), max_length=200)
    linked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("经办人"))
    since = models.DateTimeField(_("起"), db_default=Now())
    until = models.DateTimeField(_("止"), null=True, blank=True)

    class Meta:
        ordering = ["account", "dataset", "id"]
        constraints = [
            # One row has one person, and one person one row of a register: otherwise somebody reads another's looks.
            models.UniqueConstraint("dataset", "key", condition=models.Q(until=None), name="lookups_identity_row"),
            models.UniqueConstraint("account", "dataset", condition=models.Q(until=None), name="lookups_identity_account"),
        ]


class Question(models.Model):
    """What a resident asked. record: number of the look, None when it is about all of them."""

    class Kind(models.TextChoices):
        QUESTION = "question", _("询问")
        COMPLAINT = "complaint", _("投诉")

    account = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="questions", verbose_name=_("账号"))
    case = models.OneToOneField("cases.Case", models.PROTECT, related_name="question", verbose_name=_("案件"))
    kind = models.CharField(_("类别"), max_length=9, choices=Kind)
    record = models.BigIntegerField(_("审计记录"), null=True)
    text = models.TextField(_("内容"))
    asked_at = models.DateTimeField(_("提出时间"))

    class Meta:
        ordering = ["-id"]


class Told(models.Model):
    """How far the log `audit` goes. One row."""

    link = models.BigIntegerField(default=0)


class Reversal(models.Model):
    """A pseudonym that is to be turned back. Neither the pseudonym's value nor what is behind it is kept in clear.

    sealed: the pseudonym, under the keystore's key `reversals`; emptied once it was shown or refused.
    """

    class State(models.TextChoices):
        ASKED = "asked", _("待批准")
        AGREED = "agreed", _("已批准")
        REFUSED = "refused", _("不批准")
        SHOWN = "shown", _("已还原")

    kind = models.CharField(_("类别"), max_length=16)
    purpose = models.CharField(_("假名用途"), max_length=32)
    version = models.PositiveIntegerField(_("密钥版本"), null=True)
    sealed = models.TextField(blank=True, default="")
    reason = models.CharField(_("事由"), max_length=300)
    state = models.CharField(_("状态"), max_length=8, choices=State, default=State.ASKED)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("申请人"))
    asked_at = models.DateTimeField(_("申请时间"))
    settled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("批准人")
    )
    settled_at = models.DateTimeField(_("批准时间"), null=True)
    shown_at = models.DateTimeField(_("还原时间"), null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(settled_by=None) | ~models.Q(settled_by=models.F("asked_by")),
                name="lookups_reversal_two_persons",
            )
        ]
