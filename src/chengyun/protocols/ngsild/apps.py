# SPDX-License-Identifier: Apache-2.0
from django.apps import AppConfig


class NgsildConfig(AppConfig):
    name = "chengyun.protocols.ngsild"
