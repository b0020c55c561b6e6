# SPDX-License-Identifier: Apache-2.0
"""OGC API Features and Tiles."""
