# SPDX-License-Identifier: Apache-2.0
from django.apps import AppConfig


class LookupsConfig(AppConfig):
    name = "chengyun.share.lookups"
    label = "lookups"
