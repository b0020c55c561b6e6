# SPDX-License-Identifier: Apache-2.0
from django.apps import AppConfig


class LineageConfig(AppConfig):
    name = "chengyun.share.lineage"

    def ready(self) -> None:
        from chengyun.share.lineage import telling

        telling.listen()
