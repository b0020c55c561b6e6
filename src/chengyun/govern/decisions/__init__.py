# SPDX-License-Identifier: Apache-2.0
"""Decisions: what was asked, what spoke for what, who decided, what was expected, and whether it came."""
