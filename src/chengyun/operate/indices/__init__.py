# SPDX-License-Identifier: Apache-2.0
"""Indices and indicators side by side: what moved one, how firm its ranks are, how it compares, and bringing history up."""
