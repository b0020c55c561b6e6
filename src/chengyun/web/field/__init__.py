# SPDX-License-Identifier: Apache-2.0
"""The application of grid workers and crews on their phones; it speaks with web/field_api (docs/field-work.md)."""
