# SPDX-License-Identifier: Apache-2.0
from django.apps import AppConfig


class ComponentsConfig(AppConfig):
    name = "chengyun.cases.components"
    label = "components"
    verbose_name = "部件与网格"
