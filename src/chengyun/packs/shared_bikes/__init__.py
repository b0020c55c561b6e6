# SPDX-License-Identifier: Apache-2.0
"""Shared bikes: where one can be taken, where one can be put back, and where neither."""
