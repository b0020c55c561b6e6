# SPDX-License-Identifier: Apache-2.0
"""Crews: who is out today, which jobs each takes in which order, and why."""
