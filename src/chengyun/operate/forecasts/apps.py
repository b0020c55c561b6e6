# SPDX-License-Identifier: Apache-2.0
from django.apps import AppConfig


class ForecastsConfig(AppConfig):
    name = "chengyun.operate.forecasts"
    label = "forecasts"
