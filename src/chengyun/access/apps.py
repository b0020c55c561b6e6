# SPDX-License-Identifier: Apache-2.0
from django.apps import AppConfig
from django.contrib.admin import apps as administration
from django.utils.translation import gettext_lazy as _


class AdministrationConfig(administration.AdminConfig):
    default = False
    default_site = "chengyun.access.site.Site"


class AccessConfig(AppConfig):
    name = "chengyun.access"
    verbose_name = _("账号与授权")

    def ready(self) -> None:
        # Both need the models: signals are connected, and a wrong policy stops the start.
        from chengyun.access import signals  # noqa: F401
        from chengyun.access.rulebook import rulebook

        rulebook()
