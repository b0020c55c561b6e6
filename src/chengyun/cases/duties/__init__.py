# SPDX-License-Identifier: Apache-2.0
"""Duty lists (权责清单): which body a kind of problem belongs to in an area, by which clause, from when until when."""
