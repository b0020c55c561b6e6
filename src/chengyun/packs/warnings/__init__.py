# SPDX-License-Identifier: Apache-2.0
"""Warnings of others: what offices have warned of, how severe, for how long."""
