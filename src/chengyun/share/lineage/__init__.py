# SPDX-License-Identifier: Apache-2.0
"""Where every column comes from and where it goes: one graph over declarations, formulas and what an installation adds."""
