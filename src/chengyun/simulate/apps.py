# SPDX-License-Identifier: Apache-2.0
from django.apps import AppConfig


class SimulateConfig(AppConfig):
    name = "chengyun.simulate"
