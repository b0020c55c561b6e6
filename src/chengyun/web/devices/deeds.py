# SPDX-License-Identifier: Apache-2.0
"""What a person does about a device, each a form of its page; and the address a device itself is claimed at."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from chengyun.access.actors import Actor, actor_of
from chengyun.access.views import public, reads
from chengyun.collect.things import services
from chengyun.errors import NotFound, Refused
from chengyun.web.desk.deeds import attempt, done
from chengyun.web.devices.device import show


@dataclass(frozen=True, slots=True)
class _Done:
    """What came of a deed. secret: user, secret and claim code to show once."""

    sentence: str
    secret: tuple[str, str, str] | None = None


@require_POST
@never_cache
@reads("devices")
def do(request: HttpRequest, key: str, deed: str) -> HttpResponse:
    """Do one deed; which roles may is the services' to say."""
    if deed not in _DEEDS:
        raise NotFound(_("没有找到。"))
    came: list[_Done] = []
    fault = attempt(request, deed, lambda: came.append(_DEEDS[deed](actor_of(request), key, request.POST)))
    if fault:
        return show(request, key, fault=fault)
    if came[0].secret:
        return show(request, key, secret=came[0].secret)
    return done(request, came[0].sentence, reverse("device", args=[key]))


@csrf_exempt
@require_POST
@never_cache
@public
def claim(request: HttpRequest) -> HttpResponse:
    """Give a device its first credential for its key and claim code, as JSON. The code is the proof: 80 bits, once."""
    try:
        issued = services.claim(request.POST.get("device", "")[:64], request.POST.get("code", "")[:64])
    except NotFound as wrong:
        return JsonResponse({"code": wrong.code, "message": wrong.sentence}, status=404)
    return JsonResponse({"device": issued.device, "username": issued.username, "secret": issued.secret})


def _bind(actor: Actor, key: str, given: QueryDict) -> _Done:
    services.bind(actor, key, given.get("stream", ""), given.get("entity", "").strip())
    return _Done(_("已绑定。"))


def _credential(actor: Actor, key: str, given: QueryDict) -> _Done:
    overlap = dt.timedelta(days=_number(given.get("overlap_d", "7"), 0, 90))
    issued = services.credential(actor, key, overlap=overlap, fingerprint=given.get("fingerprint", "").strip())
    return _Done(_("已签发。"), (issued.username, issued.secret, "") if issued.secret else None)


def _claim_code(actor: Actor, key: str, _given: QueryDict) -> _Done:
    return _Done(_("已生成接入码。"), ("", "", services.make_claim(actor, key)))


def _revoke(actor: Actor, key: str, given: QueryDict) -> _Done:
    services.revoke(actor, key, given.get("username", ""))
    return _Done(_("已吊销。消息代理的口令文件重写后在那里也失效。"))


def _firmware(actor: Actor, key: str, given: QueryDict) -> _Done:
    services.record_firmware(actor, key, given.get("version", ""), given.get("note", ""))
    return _Done(_("已记录。"))


def _calibrate(actor: Actor, key: str, given: QueryDict) -> _Done:
    deviation = given.get("deviation", "").strip()
    try:
        number = float(deviation) if deviation else None
    except ValueError:
        raise Refused(_("示值误差不是数字。"), code="deviation") from None
    services.calibrate(
        actor, key, performed_at=_midnight(given.get("performed_on", "")) or timezone.now(),
        valid_until=_midnight(given.get("valid_until", "")), quantity=given.get("quantity", "")[:63],
        passed=given.get("passed") != "0", certificate=given.get("certificate", "").strip()[:100],
        by=given.get("by", "").strip()[:100], deviation=number,
    )  # fmt: skip
    return _Done(_("已记录。"))


def _command(actor: Actor, key: str, given: QueryDict) -> _Done:
    text = given.get("arguments", "").strip()
    try:
        arguments = json.loads(text) if text else {}
    except (ValueError, RecursionError) as wrong:
        raise Refused(_("参数不是有效的 JSON。"), code="arguments") from wrong
    if not isinstance(arguments, dict) or len(text) > 10_000:
        raise Refused(_("参数是一个 JSON 对象，写在花括号里。"), code="arguments")
    within = dt.timedelta(minutes=_number(given.get("within_min", "5"), 0, 10_080))
    services.send_command(actor, key, given.get("name", ""), arguments, given.get("reason", ""), within=within)
    return _Done(_("已下达，等待设备应答。"))


def _quarantine(actor: Actor, key: str, given: QueryDict) -> _Done:
    services.quarantine(actor, key, given.get("reason", ""))
    return _Done(_("已隔离：读数照常保存，不参与计算。"))


def _release(actor: Actor, key: str, given: QueryDict) -> _Done:
    services.release(actor, key, given.get("reason", ""))
    return _Done(_("已解除隔离。"))


def _retire(actor: Actor, key: str, _given: QueryDict) -> _Done:
    services.retire(actor, key)
    return _Done(_("已停用。"))


_DEEDS: dict[str, Callable[[Actor, str, QueryDict], _Done]] = {
    "bind": _bind, "credential": _credential, "claim-code": _claim_code, "revoke": _revoke, "firmware": _firmware,
    "calibrate": _calibrate, "command": _command, "quarantine": _quarantine, "release": _release, "retire": _retire,
}  # fmt: skip


def _number(text: str, low: float, high: float) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not low <= number <= high:
        raise Refused(
            _("%(given)s 不是 %(low)g 到 %(high)g 之间的数。") % {"given": text[:20], "low": low, "high": high}, code="number"
        )
    return number


def _midnight(text: str) -> dt.datetime | None:
    """Return the beginning of a local day; None when nothing was typed."""
    if not text:
        return None
    try:
        day = parse_date(text)
    except ValueError:
        day = None
    if day is None:
        raise Refused(_("%s 不是日期。") % text[:20], code="date")
    return timezone.make_aware(dt.datetime.combine(day, dt.time()))
