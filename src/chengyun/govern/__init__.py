# SPDX-License-Identifier: Apache-2.0
"""What the city's plans promise, and where it stands: targets as printed, what is reported, what figures say."""
