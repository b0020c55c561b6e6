# SPDX-License-Identifier: Apache-2.0
from django.apps import AppConfig


class CatalogueConfig(AppConfig):
    name = "chengyun.share.catalogue"
    label = "catalogue"
    verbose_name = "信息资源目录"

    def ready(self) -> None:
        from chengyun.share.catalogue import signals  # models are not ready before
        from chengyun.share.catalogue.cited import of_resources
        from chengyun.share.registers import citations

        signals.connect()
        citations.decisions.append(of_resources)
