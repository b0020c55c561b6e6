# SPDX-License-Identifier: Apache-2.0
"""Tells others what ran, as OpenLineage events, where CHENGYUN_OPENLINEAGE says to whom."""

from __future__ import annotations


def listen() -> None:
    """Take part in what happens below, when somebody is to be told."""
