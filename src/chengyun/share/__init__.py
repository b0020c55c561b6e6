# SPDX-License-Identifier: Apache-2.0
"""Sharing between departments, cities and residents: catalogue, requests and grants, exchange, registers, lineage."""
