# SPDX-License-Identifier: Apache-2.0
"""A resident's own pages: who looked at my data; and what the privacy officer sees of it, in counts."""
