# SPDX-License-Identifier: Apache-2.0
from django.apps import AppConfig


class OperateConfig(AppConfig):
    name = "chengyun.operate"

    def ready(self) -> None:
        """Refuse to start with indicators that use each other in a circle."""
        from django.conf import settings

        from chengyun.operate.order import indicator_order  # models must be loaded before this package's modules

        indicator_order(settings.CITY)
