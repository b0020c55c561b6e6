# SPDX-License-Identifier: Apache-2.0
"""Pages of the exchange: neighbours, who follows what, receipts with their proof in words, and the published statistics."""
