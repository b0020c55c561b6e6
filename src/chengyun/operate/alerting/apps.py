# SPDX-License-Identifier: Apache-2.0
from django.apps import AppConfig


class AlertingConfig(AppConfig):
    name = "chengyun.operate.alerting"
