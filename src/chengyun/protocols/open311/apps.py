# SPDX-License-Identifier: Apache-2.0
from django.apps import AppConfig


class Open311Config(AppConfig):
    name = "chengyun.protocols.open311"
    label = "open311"
    verbose_name = "Open311"
