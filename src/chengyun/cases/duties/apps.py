# SPDX-License-Identifier: Apache-2.0
from django.apps import AppConfig


class DutiesConfig(AppConfig):
    name = "chengyun.cases.duties"
    label = "duties"
    verbose_name = "权责清单"

    def ready(self) -> None:
        from chengyun.cases import hooks  # it reads the models
        from chengyun.cases.duties.queries import charged
        from chengyun.cases.duties.reasons import cited

        hooks.owner_finders.append(charged)
        hooks.guards["duty_list_reason"] = cited
