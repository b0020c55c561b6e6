# SPDX-License-Identifier: Apache-2.0
"""The closed loop: cases with one owner, a clock, evidence and an end."""
