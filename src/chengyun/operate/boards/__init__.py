# SPDX-License-Identifier: Apache-2.0
"""Boards: what is looked at together, composed by people, kept as versions, and shown as known at any moment."""
