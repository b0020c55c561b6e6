# SPDX-License-Identifier: Apache-2.0
from django.apps import AppConfig


class DetectorsConfig(AppConfig):
    name = "chengyun.operate.detectors"
    label = "detectors"
