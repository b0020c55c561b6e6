# SPDX-License-Identifier: Apache-2.0
"""Pages of crews: the day's plan on a map and in time, and the list a crew carries."""
