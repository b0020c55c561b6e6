# SPDX-License-Identifier: Apache-2.0
"""Public transport: what is planned, where the vehicles are, and how late they run."""
