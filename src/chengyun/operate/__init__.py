# SPDX-License-Identifier: Apache-2.0
"""Indicators, figures and why, alerts."""
