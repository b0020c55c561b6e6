# SPDX-License-Identifier: Apache-2.0
"""智慧城管: the closed loop of urban management."""
