# SPDX-License-Identifier: Apache-2.0
"""What Mosquitto needs to know of our devices: passwords, who may say and hear what, and a configuration to start from.

mosquitto.conf    written once, then yours
passwords, acl    written anew each time: `chengyun devices broker-files FOLDER`, then `kill -HUP` the broker
collector.secret  the collector's own password, made once: CHENGYUN_MQTT_URL=mqtt://chengyun:<secret>@…
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from chengyun.city import City
from chengyun.city.words import PLACEHOLDER
from chengyun.collect.things import secrets
from chengyun.collect.things.models import Binding, Channel, Credential, Device

__all__ = ["Written", "write_broker_files"]

COLLECTOR = "chengyun"

_CONFIG = """\
# Mosquitto for chengyun. Written once; change it as you need.
per_listener_settings false
listener 1883 127.0.0.1
# With TLS, for devices; their certificates may stand in for passwords:
#listener 8883
#cafile {folder}/ca.crt
#certfile {folder}/server.crt
#keyfile {folder}/server.key
#require_certificate true
#use_identity_as_username true
allow_anonymous false
password_file {folder}/passwords
acl_file {folder}/acl
# What collectors have not acknowledged is kept, however much it is, and written to the disk.
persistence true
persistence_location {folder}/
autosave_interval 10
max_queued_messages 0
max_inflight_messages 0
persistent_client_expiration 30d
"""


@dataclass(frozen=True, slots=True)
class Written:
    """What was written. users: with a password; certificates: devices that show one instead."""

    folder: Path
    users: int
    certificates: int


def write_broker_files(folder: Path) -> Written:
    """Write the files, readable for their owner alone; each is replaced whole."""
    folder.mkdir(parents=True, exist_ok=True)
    now = timezone.now()
    valid = Credential.objects.filter(
        Q(expires_at=None) | Q(expires_at__gt=now), revoked_at=None, device__state=Device.State.ACTIVE
    )
    credentials = list(valid.select_related("device").order_by("username"))
    passwords = [f"{COLLECTOR}:{secrets.broker_digest(_own_secret(folder))}"]
    passwords += [f"{one.username}:{one.broker}" for one in credentials if one.broker]
    _replace(folder / "passwords", passwords)
    topics = _topics_by_device()
    acl = ["# Written by `chengyun devices broker-files`; changes here are lost.", f"user {COLLECTOR}", "topic readwrite #"]
    for one in credentials:
        acl += ["", f"user {one.username}", *topics.get(one.device.key, [])]
    _replace(folder / "acl", acl)
    if not (folder / "mosquitto.conf").exists():
        _replace(folder / "mosquitto.conf", _CONFIG.format(folder=folder.resolve()).splitlines())
    return Written(folder, len(passwords) - 1, sum(1 for one in credentials if one.fingerprint))


def _topics_by_device() -> dict[str, list[str]]:
    city: City = settings.CITY
    patterns = [(topic.pattern, _qualified(key, topic.stream), topic.payload) for key, topic in city.topics.items()]
    patterns += [(row.pattern, row.stream, row.payload) for row in Channel.objects.filter(enabled=True)]
    bindings: dict[int, list[Binding]] = {}
    for binding in Binding.objects.filter(until=None):
        bindings.setdefault(binding.device_id, []).append(binding)
    own: dict[str, list[str]] = {}
    behind: dict[str, list[str]] = {}
    for device in Device.objects.filter(state=Device.State.ACTIVE).select_related("gateway").order_by("key"):
        lines = [f"topic read things/{device.key}/cmd"]
        lines += [f"topic write things/{device.key}/{what}" for what in ("state", "ack")]
        for binding in bindings.get(device.pk, []):
            lines.append(f"topic write things/{device.key}/data/{binding.stream}")
            for pattern, stream, payload in patterns:
                if stream == binding.stream and payload != "sparkplug":
                    entity = city.streams[stream].entity.key if stream in city.streams else ""
                    lines += _filled(pattern, {entity: binding.entity, "device": device.key})
        own[device.key] = lines
        if device.gateway is not None:
            behind.setdefault(device.gateway.key, []).extend(lines)
    return {key: [*lines, *behind.get(key, [])] for key, lines in own.items()}


def _filled(pattern: str, known: dict[str, str]) -> Iterable[str]:
    """Yield the line that lets a device write its own part of a pattern; nothing when the pattern is not about one."""
    levels, named = [], False
    for level in pattern.split("/"):
        found = PLACEHOLDER.fullmatch(level)
        value = known.get(found[1]) if found else None
        named = named or value is not None
        levels.append(value if value is not None else "+" if found else level)
    # What would be a wildcard of the access list must not come out of a register's key.
    if named and not any(set(value) & set("+#") for value in known.values()):
        yield f"topic write {'/'.join(levels)}"


def _qualified(key: str, stream: str) -> str:
    return stream if "." in stream else f"{key.split('.')[0]}.{stream}"


def _own_secret(folder: Path) -> str:
    file = folder / "collector.secret"
    if not file.exists():
        _replace(file, [secrets.new_secret()])
    return file.read_text().strip()


def _replace(file: Path, lines: Iterable[str]) -> None:
    beside = file.with_name(f"{file.name}.new")
    with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write("\n".join(lines) + "\n")
        out.flush()
        os.fsync(out.fileno())
    beside.replace(file)
