# SPDX-License-Identifier: Apache-2.0
from django.apps import AppConfig


class WebBoardsConfig(AppConfig):
    name = "chengyun.web.boards"
    label = "web_boards"
