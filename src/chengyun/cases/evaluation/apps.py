# SPDX-License-Identifier: Apache-2.0
from django.apps import AppConfig


class EvaluationConfig(AppConfig):
    name = "chengyun.cases.evaluation"
    label = "evaluation"
    verbose_name = "综合评价"
