# SPDX-License-Identifier: Apache-2.0
from django.apps import AppConfig


class IndicesConfig(AppConfig):
    name = "chengyun.operate.indices"
    label = "operate_indices"
    default_auto_field = "django.db.models.BigAutoField"
