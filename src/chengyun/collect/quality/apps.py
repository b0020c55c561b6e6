# SPDX-License-Identifier: Apache-2.0
from django.apps import AppConfig


class QualityConfig(AppConfig):
    name = "chengyun.collect.quality"
    label = "quality"
    verbose_name = "数据质量"
