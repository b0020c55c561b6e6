# SPDX-License-Identifier: Apache-2.0
"""The area tree, boundaries, point → area."""
