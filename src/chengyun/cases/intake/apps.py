# SPDX-License-Identifier: Apache-2.0
from django.apps import AppConfig


class IntakeConfig(AppConfig):
    name = "chengyun.cases.intake"
    label = "intake"

    def ready(self) -> None:
        from chengyun.cases import hooks
        from chengyun.cases.intake import evidence, messages

        hooks.after_step.append(messages.tell_reporters)
        hooks.beside["reports"] = messages.REPORTS
        hooks.evidence["photo"] = evidence.photos_are_there
