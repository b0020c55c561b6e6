# SPDX-License-Identifier: Apache-2.0
from django.apps import AppConfig


class VerificationConfig(AppConfig):
    name = "chengyun.cases.verification"
    label = "verification"

    def ready(self) -> None:
        from chengyun.cases import hooks  # models are loaded by now
        from chengyun.cases.verification.services import note_step

        hooks.after_step.append(note_step)
