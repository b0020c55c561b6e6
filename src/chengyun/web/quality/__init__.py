# SPDX-License-Identifier: Apache-2.0
"""Pages of data quality: how good each dataset is, by dimension and day, what failed, and repairs that are offered."""
