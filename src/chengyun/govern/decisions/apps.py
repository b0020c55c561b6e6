# SPDX-License-Identifier: Apache-2.0
from django.apps import AppConfig


class DecisionsConfig(AppConfig):
    name = "chengyun.govern.decisions"
    label = "decisions"
    verbose_name = "决策"
