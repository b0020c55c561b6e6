# SPDX-License-Identifier: Apache-2.0
"""chengyun (城运): one program that runs the operations of a city."""

__version__ = "0.1.0"
