# SPDX-License-Identifier: Apache-2.0
from django.apps import AppConfig


class AskOnceConfig(AppConfig):
    name = "chengyun.share.askonce"

    def ready(self) -> None:
        from chengyun.collect.forms import hooks
        from chengyun.share.askonce import bindings, guard, prefill

        hooks.before_publish.append(guard.look)
        hooks.prefillers.append(prefill.prefill)
        hooks.consent_of.append(bindings.consent_of)
