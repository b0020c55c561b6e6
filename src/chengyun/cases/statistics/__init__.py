# SPDX-License-Identifier: Apache-2.0
"""How many cases there were: counted as they happen, asked for by day, week or month, area, category, department and source."""
