# SPDX-License-Identifier: Apache-2.0
"""The exchange over HTTP: signed messages, receipts, files in parts, and what two nodes tell each other."""
