# SPDX-License-Identifier: Apache-2.0
"""Pages of components and unit grids: the register on a map, what is due, a census, whose grid it is."""
