# SPDX-License-Identifier: Apache-2.0
"""How good data is, by the dimensions of GB/T 36344: rules, scores, rows that fail."""
