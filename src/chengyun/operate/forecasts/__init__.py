# SPDX-License-Identifier: Apache-2.0
"""Forecasts that are scored: what will be, how sure that is, and afterwards whether it was so."""
