# SPDX-License-Identifier: Apache-2.0
"""Observations at rest: hot tables, sealed Iceberg tables, one reader over both."""
