# SPDX-License-Identifier: Apache-2.0
"""Pages of the catalogue: search, a resource, editing and review, the three lists, second sources, timeliness, transfer."""
