# SPDX-License-Identifier: Apache-2.0
"""The way devices in the field speak with the city (docs/field-work.md)."""
