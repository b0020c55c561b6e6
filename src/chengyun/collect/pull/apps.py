# SPDX-License-Identifier: Apache-2.0
from django.apps import AppConfig


class PullConfig(AppConfig):
    name = "chengyun.collect.pull"
