# SPDX-License-Identifier: Apache-2.0
from django.apps import AppConfig


class DuplicatesConfig(AppConfig):
    name = "chengyun.cases.duplicates"
    label = "duplicates"
    verbose_name = "疑似重复"
