# SPDX-License-Identifier: Apache-2.0
"""Where the queue is and how it keeps bodies, from the environment (see chengyun.config)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from chengyun.city import Above, AlertRule, Below, Change, Within
from chengyun.errors import Refused

__all__ = ["QueueSettings", "judged_apart", "read_queue", "rules_apart"]


@dataclass(frozen=True, kw_only=True)
class QueueSettings:
    """urls: of the nodes. replicas: nodes that keep each body. largest: bytes of the queue in all, kept by each of them.

    credentials: file with a user's NKey and JWT, or None.
    """

    urls: tuple[str, ...]
    replicas: int = 3
    largest: int = 8 * 1024**3
    credentials: str | None = None


def read_queue(env: Mapping[str, str] = os.environ) -> QueueSettings:
    """Return the settings. Raises Refused naming the variable that is missing or wrong."""
    urls = tuple(url.strip() for url in env.get("CHENGYUN_NATS_URL", "").split(",") if url.strip())
    if not urls:
        raise Refused("CHENGYUN_NATS_URL is not set. Name the nodes, e.g. nats://10.0.0.1:4222,nats://10.0.0.2:4222.")
    for url in urls:
        if not url.startswith(("nats://", "tls://")):
            raise Refused(f"CHENGYUN_NATS_URL names {url!r}, expected nats://host:port or tls://host:port.")
    return QueueSettings(
        urls=urls,
        replicas=_whole(env, "CHENGYUN_NATS_REPLICAS", min(3, len(urls)), 1, 5),
        largest=_whole(env, "CHENGYUN_NATS_GB", 8, 1, 100_000) * 1024**3,
        credentials=env.get("CHENGYUN_NATS_CREDENTIALS") or None,
    )


def rules_apart(env: Mapping[str, str] = os.environ) -> bool:
    """Say whether rules are judged by processes of their own. Raises Refused for another word."""
    word = env.get("CHENGYUN_RULES") or "together"
    if word not in ("together", "apart"):
        raise Refused(f"CHENGYUN_RULES is {word!r}, expected together (judged with the writing) or apart (by `chengyun rules`).")
    return word == "apart"


def judged_apart(rule: AlertRule) -> bool:
    """Say whether a rule's state is what its alerts and its entities' newest rows tell. What learns stays with the writing."""
    return isinstance(rule.when, Above | Below | Change | Within)


def _whole(env: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    text = env.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise Refused(f"{name} is {text!r}, expected a whole number from {least} to {most}.")
    return int(text)
