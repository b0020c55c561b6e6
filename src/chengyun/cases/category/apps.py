# SPDX-License-Identifier: Apache-2.0
from django.apps import AppConfig


class CategoryConfig(AppConfig):
    name = "chengyun.cases.category"
    label = "category"
    verbose_name = "类别建议"
