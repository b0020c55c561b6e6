# SPDX-License-Identifier: Apache-2.0
"""Observations from an MQTT broker, acknowledged when they are durable."""
