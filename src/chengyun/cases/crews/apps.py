# SPDX-License-Identifier: Apache-2.0
from django.apps import AppConfig


class CrewsConfig(AppConfig):
    name = "chengyun.cases.crews"
    label = "crews"
