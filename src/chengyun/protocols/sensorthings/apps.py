# SPDX-License-Identifier: Apache-2.0
from django.apps import AppConfig


class SensorthingsConfig(AppConfig):
    name = "chengyun.protocols.sensorthings"
