# SPDX-License-Identifier: Apache-2.0
from django.apps import AppConfig


class RequestsConfig(AppConfig):
    name = "chengyun.share.requests"
    label = "requests"

    def ready(self) -> None:
        from chengyun.share.registers import citations  # models are not ready before
        from chengyun.share.requests.cited import of_requests

        citations.decisions.append(of_requests)
