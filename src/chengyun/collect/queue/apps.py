# SPDX-License-Identifier: Apache-2.0
from django.apps import AppConfig


class QueueConfig(AppConfig):
    name = "chengyun.collect.queue"
    label = "queue"

    def ready(self) -> None:
        from chengyun.collect.queue.settings import rules_apart
        from chengyun.lake import hooks

        if rules_apart():
            # Inside: only where rules are judged apart does anything of this load numpy.
            from chengyun.collect.queue.rules import judged_up_to

            hooks.needed_after.append(judged_up_to)
