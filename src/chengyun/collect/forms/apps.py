# SPDX-License-Identifier: Apache-2.0
from django.apps import AppConfig


class FormsConfig(AppConfig):
    name = "chengyun.collect.forms"
