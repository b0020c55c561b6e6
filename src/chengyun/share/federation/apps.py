# SPDX-License-Identifier: Apache-2.0
from django.apps import AppConfig


class FederationConfig(AppConfig):
    name = "chengyun.share.federation"

    def ready(self) -> None:
        from chengyun.share.federation import askings, outbox
        from chengyun.share.requests import hooks

        hooks.settled.append(askings.settled)
        outbox.refused["request"] = [askings.not_taken]
