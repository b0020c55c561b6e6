# SPDX-License-Identifier: Apache-2.0
"""The dispatcher's board, and what a supervisor watches."""
