# SPDX-License-Identifier: Apache-2.0
from django.apps import AppConfig


class CollectConfig(AppConfig):
    name = "chengyun.collect"
