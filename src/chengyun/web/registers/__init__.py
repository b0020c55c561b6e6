# SPDX-License-Identifier: Apache-2.0
"""Base registers on pages: things found and listed, what was said of one and when, and records that may be of one thing."""
