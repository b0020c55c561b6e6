# SPDX-License-Identifier: Apache-2.0
from django.apps import AppConfig


class GovernConfig(AppConfig):
    name = "chengyun.govern"
    verbose_name = "规划目标"
