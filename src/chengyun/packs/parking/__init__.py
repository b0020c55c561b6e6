# SPDX-License-Identifier: Apache-2.0
"""Parking: how many spaces are free, where it is full, and when."""
