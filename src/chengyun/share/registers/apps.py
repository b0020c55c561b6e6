# SPDX-License-Identifier: Apache-2.0
from django.apps import AppConfig


class RegistersConfig(AppConfig):
    name = "chengyun.share.registers"
    verbose_name = "基础库"

    def ready(self) -> None:
        from chengyun.share.registers import checks  # noqa: F401  registers what must be true at start
