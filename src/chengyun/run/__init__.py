# SPDX-License-Identifier: Apache-2.0
"""Processes: the embedded database, the supervisor, status."""
