# SPDX-License-Identifier: Apache-2.0
from django.apps import AppConfig


class ThingsConfig(AppConfig):
    name = "chengyun.collect.things"
    label = "things"
    verbose_name = "设备"
