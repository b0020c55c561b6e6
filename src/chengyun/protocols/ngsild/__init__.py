# SPDX-License-Identifier: Apache-2.0
"""ETSI NGSI-LD."""
