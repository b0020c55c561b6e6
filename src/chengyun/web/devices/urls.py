# SPDX-License-Identifier: Apache-2.0
"""Addresses of the pages of devices."""

from __future__ import annotations

from django.urls import URLPattern, path

from chengyun.web.devices import deeds, device, listing, topics

urlpatterns: list[URLPattern] = [
    path("devices", listing.device_list, name="devices"),
    path("devices/new", listing.new_devices, name="devices-new"),
    path("devices/claim", deeds.claim, name="device-claim"),
    path("devices/topics", topics.topic_list, name="device-topics"),
    path("devices/topics/save", topics.save, name="device-topic-save"),
    path("devices/<str:key>", device.device_page, name="device"),
    path("devices/<str:key>/<slug:deed>", deeds.do, name="device-deed"),
]
