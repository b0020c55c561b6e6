# SPDX-License-Identifier: Apache-2.0
"""The data service: what the pages show, for programs.

One table of routes (routes.py) serves the addresses, checks what is asked, and describes itself (openapi.py).
"""
