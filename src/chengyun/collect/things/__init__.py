# SPDX-License-Identifier: Apache-2.0
"""Devices and gateways: what measures, how it is reached, whether it can be believed."""
