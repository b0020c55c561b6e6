# SPDX-License-Identifier: Apache-2.0
from django.apps import AppConfig


class WhatIfConfig(AppConfig):
    name = "chengyun.govern.whatif"
    label = "whatif"
    verbose_name = "推演"
