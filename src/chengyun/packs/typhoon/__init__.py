# SPDX-License-Identifier: Apache-2.0
"""Typhoons: where they went, how strong they were, and how near they came."""
