# SPDX-License-Identifier: Apache-2.0
"""OGC SensorThings API 1.1."""
