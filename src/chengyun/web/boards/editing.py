# SPDX-License-Identifier: Apache-2.0
"""Composing a board: by drag or keys in the browser, or as the file it is; brought in from a file, and taken out as one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from chengyun.access.actors import Actor, actor_of
from chengyun.access.policy import scope
from chengyun.access.views import needs, public
from chengyun.city import City
from chengyun.config import config
from chengyun.errors import NotFound, Refused
from chengyun.operate.boards import queries, services, spec
from chengyun.operate.boards.definitions import layers_of
from chengyun.operate.boards.queries import Saved
from chengyun.operate.probation.ruleset import standing_now
from chengyun.web.desk.deeds import Fault, attempt, done
from chengyun.web.places import area_names

__all__ = ["bring", "download", "edit", "new", "restore", "retire"]


@dataclass(frozen=True)
class EditPage:
    """key: empty for a new board. upon: number of the version it is made from. newer: the version that others have saved, or the
    board that they have retired, meanwhile. file: the board's file as TOML. told: the same for the script. known: what tiles may
    show."""

    key: str
    upon: int
    newer: Saved | None
    file: str
    told: dict[str, Any]
    known: dict[str, Any]
    fault: Fault | None


@require_http_methods(["GET", "HEAD", "POST"])
@needs("board.edit")
@never_cache
def new(request: HttpRequest) -> HttpResponse:
    """Compose a new board."""
    if request.method == "POST":
        return _save(request, None)
    first = {"key": "", "name": "", "tiles": []}
    return _shown(request, None, first, _as_file(first), None)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("board.edit")
@never_cache
def edit(request: HttpRequest, key: str) -> HttpResponse:
    """Change a board."""
    if request.method == "POST":
        # Retired meanwhile: who was composing it must not lose the work.
        return _save(request, _editable(key, actor_of(request), retired=True))
    saved = _editable(key, actor_of(request))
    return _shown(request, saved, spec.as_json(saved.spec), spec.as_toml(saved.spec), None)


@require_POST
@needs("board.edit")
def bring(request: HttpRequest) -> HttpResponse:
    """Save the board of an uploaded file."""
    actor, keys = actor_of(request), []

    def do() -> None:
        upload = request.FILES.get("file")
        if upload is None or (upload.size or 0) > 4 * spec.LARGEST:
            raise Refused(_("请选择一个看板文件（TOML 或 JSON，不超过 800 kB）。"), code="board_file")
        try:
            body = upload.read().decode("utf-8")
        except UnicodeDecodeError as wrong:
            raise Refused(_("看板文件不是 UTF-8 文本。"), code="board_file") from wrong
        name = str(upload.name or "board.toml")[-80:]
        board = services.read_board(body, name)
        services.save(spec.as_json(board), actor, name=name, note=name)
        keys.append(board.key)

    if fault := attempt(request, "import", do):
        from chengyun.web.boards.pages import _listed  # a circle: the list offers the form

        return _listed(request, fault)
    return done(request, _("看板已导入。"), reverse("board-view", args=keys))


@require_POST
@needs("board.edit")
def retire(request: HttpRequest, key: str) -> HttpResponse:
    """Take a board out of the list."""
    services.retire(key, actor_of(request))
    return done(request, _("看板已停用；它的过去仍可回看。"), reverse("boards"))


@require_POST
@needs("board.edit")
def restore(request: HttpRequest, key: str) -> HttpResponse:
    """Put a retired board back into the list."""
    services.restore(key, actor_of(request))
    return done(request, _("看板已恢复。"), reverse("board-view", args=[key]))


@require_safe
@public
@never_cache
def download(request: HttpRequest, key: str, suffix: str) -> HttpResponse:
    """Send a board's file."""
    saved = queries.access_board(key, actor_of(request))
    if suffix == "json":
        body, kind = json.dumps(spec.as_json(saved.spec), ensure_ascii=False, indent=2) + "\n", "application/json"
    elif suffix == "toml":
        body, kind = spec.as_toml(saved.spec), "application/toml"
    else:
        raise NotFound(_("没有找到。"))
    return HttpResponse(
        body, content_type=f"{kind}; charset=utf-8", headers={"Content-Disposition": f'attachment; filename="{key}.{suffix}"'}
    )


def _save(request: HttpRequest, saved: Saved | None) -> HttpResponse:
    actor, given = actor_of(request), request.POST
    told: dict[str, Any] = {}
    upon, over = _number(given.get("upon", "")), _number(given.get("over", ""))

    def do() -> None:
        # The composer sends JSON; without a script the file itself is written, as TOML.
        composed = given.get("composed", "")
        board = services.read_board(composed or given.get("file", ""), "board.json" if composed else "board.toml")
        if saved is not None and board.key != saved.spec.key:
            raise Refused(_("看板的标识不能改；请另存为新看板。"), code="board_key")
        if saved is not None and saved.retired and not over:
            raise Refused(_("这个看板已被停用。"), code="stale_board")
        told.update(spec.as_json(board))
        services.save(told, actor, note=given.get("note", "").strip(), upon=over or upon)

    if fault := attempt(request, "board", do):
        composed = _loads(given.get("composed", ""))
        file = _as_file(composed) if composed is not None else given.get("file", "")
        told = composed or (spec.as_json(saved.spec) if saved else {"key": "", "name": "", "tiles": []})
        return _shown(request, saved, told, file, fault, upon)
    return HttpResponseRedirect(reverse("board-view", args=[told["key"]]), status=303)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _loads(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("tiles"), list) else None


def _as_file(told: Mapping[str, Any]) -> str:
    """Return a board's file as somebody left it, right or wrong."""
    try:
        return spec.as_toml(spec.kept(told))
    except (AttributeError, KeyError, TypeError):
        return 'key = ""\nname = ""\nlevel = "theme"\naudience = "staff"\n'


def _shown(
    request: HttpRequest, saved: Saved | None, told: dict[str, Any], file: str, fault: Fault | None, upon: int | None = None
) -> HttpResponse:
    """Show the composer. upon: number of the version that was being changed; None: the newest."""
    page = EditPage(
        key=saved.spec.key if saved else "",
        upon=upon if upon is not None else saved.number if saved else 0,
        newer=saved if saved is not None and upon is not None and (saved.number != upon or saved.retired) else None,
        file=file,
        told=told,
        known=_known(actor_of(request)),
        fault=fault,
    )
    return render(request, "boards/edit.html", {"page": page}, status=fault.status if fault else 200)


def _editable(key: str, actor: Actor, *, retired: bool = False) -> Saved:
    """Return a board that somebody may compose. retired: also one that is offered no more."""
    saved = queries.access_board(key, actor, retired=retired)
    if not queries.may_edit(saved.spec, actor):
        raise NotFound(_("没有找到这个看板。"))
    return saved


def _known(actor: Actor) -> dict[str, Any]:
    """Return what the composer offers: everything whose figures the person may see, by the pack it comes from."""
    city: City = settings.CITY

    def named(keys: Mapping[str, Any]) -> list[list[str]]:
        return [[key, f"{_(city.packs[key.split('.')[0]].pack.name)} · {_(one.name)}"] for key, one in keys.items()]

    readable = {key: one for key, one in city.indicators.items() if scope(actor, key).allowed}
    layers = {key: panel for key, (_pack, panel) in layers_of(city).items()}
    return {
        "columns": spec.COLUMNS,
        "kinds": {
            "figure": _("指标"),
            "index": _("指数"),
            "chart": _("曲线"),
            "map": _("地图"),
            "alerts": _("预警清单"),
            "cases": _("案件清单"),
            "league": _("区域排名"),
            "text": _("文字"),
            "vitals": _("体征清单"),
            "streams": _("数据接入"),
            "targets": _("规划目标"),
        },
        "fields": {kind: list(names) for kind, names in spec.KINDS.items()},
        "indicators": named(readable),
        "indices": [key for key in city.indices if key in readable],
        "subjects": {key: one.subject for key, one in readable.items()},
        "layers": named(layers),
        "rules": named(standing_now(city).heard),
        "types": named(city.cases),
        "areas": [[config().city, _("全市")], *([code, name] for code, name in area_names("district").items())],
        "words": {
            "indicator": _("指标"),
            "indicators": _("指标（可多选）"),
            "subject": _("对象（空：看板的区域）"),
            "span": _("时间跨度"),
            "target": _("目标"),
            "warn": _("关注阈值"),
            "bad": _("告警阈值"),
            "better": _("越小越好还是越大越好"),
            "parts": _("组成（空：按公式）"),
            "layer": _("图层"),
            "rules": _("规则（空：全部）"),
            "severities": _("级别（空：全部）"),
            "types": _("类型（空：全部）"),
            "area": _("区域（空：看板的区域）"),
            "department": _("部门名称（空：全部）"),
            "overdue": _("只看超时"),
            "level": _("区域级别"),
            "lowest_first": _("从低到高"),
            "limit": _("最多行数"),
            "text": _("文字"),
            "text_en": _("英文文字"),
            "title": _("标题（空：按内容）"),
            "title_en": _("英文标题"),
            "lower": _("越小越好"),
            "higher": _("越大越好"),
            "district": _("区县"),
            "street": _("街道"),
            "blue": _("蓝色"),
            "yellow": _("黄色"),
            "orange": _("橙色"),
            "red": _("红色"),
            "moved": _("{name}：第 {x} 列第 {y} 行，宽 {w}，高 {h}"),
            "gone": _("{name} 已移除"),
            "added": _("{name} 已添加"),
            "none": _("还没有图块。请从右侧添加。"),
            "tile": _("图块"),
        },
    }
