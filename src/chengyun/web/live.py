# SPDX-License-Identifier: Apache-2.0
"""Where live updates come from: the stream process, on a port of its own or behind the installation's proxy."""

from __future__ import annotations

from django.http import HttpRequest

from chengyun.config import config


def stream_url(request: HttpRequest) -> str:
    """Return the address of the stream process as the reader's browser reaches it, without a slash at the end."""
    settings = config()
    if settings.stream_url:
        return settings.stream_url.rstrip("/")
    # The host as asked, with the neighbouring port; an IPv6 address keeps its brackets.
    host = request.get_host()
    name = host[: host.rindex("]") + 1] if host.startswith("[") else host.split(":")[0]
    return f"{request.scheme}://{name}:{settings.stream_port}"
