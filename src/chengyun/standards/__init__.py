# SPDX-License-Identifier: Apache-2.0
"""Codes and identifiers, units, calendars, coordinates: small, pure functions."""
