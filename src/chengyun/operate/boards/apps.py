# SPDX-License-Identifier: Apache-2.0
from django.apps import AppConfig


class BoardsConfig(AppConfig):
    name = "chengyun.operate.boards"
    label = "boards"
