# SPDX-License-Identifier: Apache-2.0
from django.apps import AppConfig


class QueueConfig(AppConfig):
    name = "chengyun.collect.queue"
    label = "queue"
