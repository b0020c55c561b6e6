# SPDX-License-Identifier: Apache-2.0
"""The data service: what the pages show, for programs. One table of routes serves it and describes it (routes.py)."""
