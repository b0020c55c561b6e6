# SPDX-License-Identifier: Apache-2.0
"""The knowledge base the hotline answers from: articles under a key, each change a new version, found by words."""

from __future__ import annotations

import datetime as dt
import re

from django.db import transaction
from django.db.models import OuterRef, Q, Subquery
from django.utils.translation import gettext as _

from chengyun.access import audit
from chengyun.access.actors import Actor
from chengyun.access.policy import require, require_scope
from chengyun.cases.intake.models import Article, ArticleVersion
from chengyun.errors import NotFound, Refused

__all__ = ["article", "search", "write"]


def search(text: str, actor: Actor, limit: int = 20) -> list[ArticleVersion]:
    """Return articles as they read now that hold every word asked for, those with a word in the title first."""
    require_scope(actor, "articles")
    newest = ArticleVersion.objects.filter(article=OuterRef("article")).order_by("-number").values("pk")[:1]
    rows = ArticleVersion.objects.filter(pk=Subquery(newest), article__retired_at=None).select_related("article")
    words = text.split()[:8]
    for word in words:
        rows = rows.filter(Q(title__icontains=word) | Q(body__icontains=word) | Q(article__key__icontains=word))
    found = list(rows.order_by("title")[:200])
    found.sort(key=lambda one: -sum(word.lower() in one.title.lower() for word in words))
    return found[:limit]


def article(key: str, actor: Actor) -> list[ArticleVersion]:
    """Return an article's versions, newest first. Raises NotFound."""
    require_scope(actor, "articles")
    found = list(ArticleVersion.objects.filter(article__key=key).select_related("article"))
    if not found:
        raise NotFound(_("没有找到这条知识。"))
    return found


def write(
    key: str, title: str, body: str, source: str, actor: Actor, now: dt.datetime, *, after: int | None = None
) -> ArticleVersion:
    """Write a new version of an article, or its first. after: the number of the version the writer saw. Raises Refused."""
    require(actor, "article.write")
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{1,63}", key):
        raise Refused(_("编码只能用小写字母、数字和短横，如 river-litter。"), code="key")
    if not title.strip() or not body.strip():
        raise Refused(_("请写明标题和内容。"), code="evidence_missing")
    with transaction.atomic():
        held, _made = Article.objects.select_for_update().get_or_create(key=key)
        last = held.versions.order_by("-number").first()
        number = last.number if last else 0
        if after is not None and after != number:
            raise Refused(_("这条知识刚被别人改过，请刷新后再改。"), code="stale_case")
        version = ArticleVersion.objects.create(
            article=held, number=number + 1, title=title.strip()[:120], body=body.strip(), source=source.strip()[:200], since=now,
            author=actor.name[:150],
        )  # fmt: skip
        audit.record(actor, "article.write", "articles", f"{key} {number + 1}")
    return version
