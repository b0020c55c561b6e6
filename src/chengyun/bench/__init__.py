# SPDX-License-Identifier: Apache-2.0
"""Measurements with targets: `chengyun bench NAME`. Each part of the program measures itself in its `benches.py`."""
